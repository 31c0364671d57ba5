"""Segment: a batch, its key as the user name of Basic."""

import json
from collections.abc import Sequence

from tests.conformance.protocols.base import Request, Sample
from tests.planted import basic


def _batch(key: str, names: Sequence[str], sent_at: str) -> Request:
    messages = [
        {"type": "track", "event": name, "anonymousId": "a1", "messageId": f"m{name[:9]}", "properties": {"n": 1}}
        for name in names
    ]
    body = json.dumps({"batch": messages, "sentAt": sent_at}).encode()
    return Request("/v1/batch", body, {"authorization": basic(key, ""), "content-type": "application/json"})


SAMPLE = Sample(
    events=lambda key, names: _batch(key, names, "2026-01-02T03:04:05.678Z"),
    resent=lambda key, names: _batch(key, names, "2026-01-02T03:04:15.000Z"),
    malformed=lambda key: Request("/v1/batch", b'{"batch": [', {"authorization": basic(key, "")}),
)
