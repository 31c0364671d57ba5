"""PostHog: a batch, its key in the body."""

import json
from collections.abc import Sequence

from tests.conformance.protocols.base import Request, Sample


def _batch(key: str, names: Sequence[str], sent_at: str) -> Request:
    events = [
        {"event": name, "distinct_id": "u1", "uuid": f"m{name[:9]}", "properties": {"n": 1, "token": key}}
        for name in names
    ]
    body = json.dumps({"api_key": key, "batch": events, "sent_at": sent_at}).encode()
    return Request("/batch/", body, {"content-type": "application/json"})


SAMPLE = Sample(
    events=lambda key, names: _batch(key, names, "2026-01-02T03:04:05.678Z"),
    resent=lambda key, names: _batch(key, names, "2026-01-02T03:04:15.000Z"),
    malformed=lambda key: Request("/batch/", b'{"batch": [', query={"token": key}),
)
