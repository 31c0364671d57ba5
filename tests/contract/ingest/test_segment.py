"""What Segment's SDKs send, as they send it, comes to the inbox; what they hear lets them go on."""

import gzip
import json

import httpx
import pytest

from tailrace.wiring import House
from tests.contract.live import live

MESSAGE = {"type": "track", "event": "Jumped", "messageId": "m1", "anonymousId": "a1", "properties": {"n": 1}}


def test_a_packed_batch_labelled_as_a_form_is_read_by_its_content(house: House) -> None:
    """Gzip JSON that calls itself a form is taken, its key read from the body."""
    body = gzip.compress(json.dumps({"batch": [MESSAGE], "writeKey": "wk_waves"}).encode())
    with live(house) as client:
        answer = client.post("/v1/batch", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
def test_an_unknown_key_is_refused(house: House, path: str) -> None:
    """401, so that the SDK says so."""
    with live(house) as client:
        answer: httpx.Response = client.post(path, content=b'{"batch": []}', auth=("wk_none", ""))
    assert answer.status_code == 401
