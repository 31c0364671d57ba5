"""devtodev: a report on one user, the app's key in the query. A resend is the same again, to the letter."""

import json
from collections.abc import Sequence

from tests.conformance.protocols.base import Request, Sample

PATH = "/v2/analytics/report"


def _report(key: str, names: Sequence[str]) -> Request:
    events = [{"code": "ce", "timestamp": 1_767_323_045_678, "sessionId": 1, "name": name} for name in names]
    package = {"language": "en", "country": "US", "appVersion": "1.0", "events": events}
    body = json.dumps({"reports": [{"deviceId": "d1", "userId": "u1", "packages": [package]}]}).encode()
    return Request(PATH, body, {"content-type": "application/json"}, {"appId": key})


SAMPLE = Sample(
    events=_report,
    resent=_report,
    malformed=lambda key: Request(PATH, b'{"reports": [', query={"appId": key}),
)
