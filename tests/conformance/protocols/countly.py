"""Countly: the events of a device as a form; a resend says how many more requests wait, and a sum over that."""

import json
from collections.abc import Sequence
from urllib.parse import urlencode

from tests.conformance.protocols.base import Request, Sample

T = 1_767_323_045_678


def _form(key: str, names: Sequence[str], **more: str) -> Request:
    events = [{"key": name, "count": 1, "timestamp": T + n, "hour": 3, "dow": 5} for n, name in enumerate(names)]
    members = {"events": json.dumps(events), "app_key": key, "device_id": "d1", "timestamp": T + 9, "tz": 0}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Request("/i", urlencode(members | more).encode(), headers)


SAMPLE = Sample(
    events=lambda key, names: _form(key, names, rr="4"),
    resent=lambda key, names: _form(key, names, rr="0", checksum256="5E0F"),
    malformed=lambda key: Request("/i", f'{{"app_key": "{key}", "events": ['.encode(), {}),
)
