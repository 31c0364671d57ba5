"""Countly: the events of a device as JSON; a resend says how many more requests wait, and a sum over that."""

import json
from collections.abc import Sequence

from tests.conformance.protocols.base import Request, Sample

T = 1_767_323_045_678


def _request(key: str, names: Sequence[str], **more: str) -> Request:
    events = [
        {"key": name, "count": 2, "sum": 1.5, "dur": 3, "segmentation": {"n": n}, "timestamp": T + n, "hour": 3}
        for n, name in enumerate(names)
    ]
    said = {"app_key": key, "device_id": "d1", "timestamp": T + 9, "tz": 60, "location": "52.5,13.25", "events": events}
    metrics = {"_os": "Android", "_device": "A1", "_device_type": "mobile", "_app_version": "1.2"}
    return Request(
        "/i", json.dumps({**said, "metrics": metrics, **more}).encode(), {"content-type": "application/json"}
    )


SAMPLE = Sample(
    events=lambda key, names: _request(key, names, rr="4"),
    resent=lambda key, names: _request(key, names, rr="0", checksum256="5E0F"),
    malformed=lambda key: Request("/i", f'{{"app_key": "{key}", "events": ['.encode()),
)
