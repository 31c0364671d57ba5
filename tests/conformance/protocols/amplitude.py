"""Amplitude: an upload, its key in the body."""

import json
from collections.abc import Sequence

from tests.conformance.protocols.base import Request, Sample


def _upload(key: str, names: Sequence[str], uploaded: str) -> Request:
    events = [
        {"event_type": name, "device_id": "d1", "insert_id": f"m{name[:9]}", "event_properties": {"n": 1}}
        for name in names
    ]
    body = json.dumps({"api_key": key, "events": events, "client_upload_time": uploaded}).encode()
    return Request("/2/httpapi", body, {"content-type": "application/json"})


SAMPLE = Sample(
    events=lambda key, names: _upload(key, names, "2026-01-02T03:04:05.678Z"),
    resent=lambda key, names: _upload(key, names, "2026-01-02T03:04:15.000Z"),
    malformed=lambda key: Request("/2/httpapi", b'{"api_key": "%b", "events": 7}' % key.encode()),
    unknown=400,
)
