"""How a bundle goes out: as the file, as its bytes in transport, as plain JSON; whole, in ranges, or not at all."""

import gzip
import hashlib
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.fullstory.client import Answer
from tests.contract.fullstory.conftest import DAY, MIDNIGHT, World

SAVED = 'attachment; filename="DataExport.json.gz"'
VARY = "Accept-Encoding, Accept"


@dataclass
class Kept:
    """A bundle with events and one without, by their numbers, and a way to ask for them with exactly some headers."""

    world: World
    key: str
    full: int
    empty: int

    def ask(self, bundle: int, method: str = "GET", **headers: str) -> Answer:
        """One request with no other headers than these and the key."""
        connection = http.client.HTTPConnection(urlsplit(self.world.url).netloc, timeout=60)
        target = f"/api/v1/export/get?id={bundle}"
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in {"authorization": f"Basic {self.key}", **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return found


@pytest.fixture(scope="module")
def made(served: World) -> Kept:
    """Both bundles of an app, made once."""
    served.limits(burst=0)
    app = served.app()
    app.send(*(MIDNIGHT - 2 * DAY + n * 1000 for n in range(200)))
    client = app.ready()
    full, empty = (bundle["ID"] for bundle in client.listed(0))
    return Kept(served, client.key, full, empty)


@pytest.fixture
def kept(world: World, made: Kept) -> Kept:  # noqa: ARG001 - the clock and the limits are its
    """The same with no limit of calls."""
    return made


FORMS = {
    "no headers": ({}, "file"),
    "curl": ({"accept": "*/*"}, "file"),
    "python, identity": ({"accept_encoding": "identity"}, "file"),
    "go, star": ({"accept_encoding": "*"}, "file"),
    "requests": ({"accept_encoding": "gzip, deflate", "accept": "*/*"}, "file"),
    "browser": ({"accept_encoding": "gzip, deflate, br, zstd", "accept": "text/html,application/json"}, "file"),
    "gzip with a weight": ({"accept_encoding": "gzip;q=1.0"}, "file"),
    "go, transparent": ({"accept_encoding": "gzip"}, "transport"),
    "go, transparent, json": ({"accept_encoding": "gzip", "accept": "application/json"}, "transport"),
    "node": ({"accept": "application/json"}, "plain"),
    "json first": ({"accept": "application/json, text/plain", "accept_encoding": "gzip, deflate"}, "plain"),
}


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("who", FORMS)
def test_each_client_gets_the_form_that_it_can_read(kept: Kept, who: str, empty: bool) -> None:
    """Go's transparent transport gets JSON in gzip encoding, who wants JSON plain JSON, everybody else the file without
    any encoding; nobody between may change it, and caches are told what it depends on.
    """
    headers, form = FORMS[who]
    answer = kept.ask(kept.empty if empty else kept.full, **headers)
    said = {name.lower(): value for name, value in answer.headers.items()}
    assert answer.status == 200
    assert said["content-type"] == ("application/gzip" if form == "file" else "application/json")
    assert said.get("content-encoding") == ("gzip" if form == "transport" else None)
    assert said.get("content-disposition") == (None if form == "plain" else SAVED)
    assert (said["vary"], said["cache-control"]) == (VARY, "private, no-transform")
    text = answer.body if form == "plain" else gzip.decompress(answer.body)
    assert len(json.loads(text)) == (0 if empty else 200)


@pytest.mark.parametrize("empty", [False, True])
def test_a_bundle_is_the_same_each_time(kept: Kept, empty: bool) -> None:
    """File and transport form are the same bytes, byte by byte and each time; the tag is that of the bytes."""
    number = kept.empty if empty else kept.full
    first = kept.ask(number)
    assert {kept.ask(number).body, kept.ask(number, accept_encoding="gzip").body} == {first.body}
    assert first.headers["etag"] == f'"{hashlib.sha256(first.body).hexdigest()}"'
    tags = {kept.ask(number, **headers).headers["etag"] for headers, _ in FORMS.values()}
    assert len(tags) == 3


@pytest.mark.parametrize("empty", [False, True])
def test_ranges_join_to_the_file(kept: Kept, empty: bool) -> None:
    """A download goes on where it broke off; with `If-Range` it goes on only in the same bytes."""
    number = kept.empty if empty else kept.full
    whole = kept.ask(number)
    assert whole.headers["accept-ranges"] == "bytes"
    rest = kept.ask(number, range="bytes=7-", if_range=whole.headers["etag"])
    assert (rest.status, rest.body) == (206, whole.body[7:])
    assert rest.headers["content-range"] == f"bytes 7-{len(whole.body) - 1}/{len(whole.body)}"
    assert kept.ask(number, range="bytes=0-6").body + rest.body == whole.body
    assert kept.ask(number, range="bytes=7-", if_range='"other"').status == 200
    behind = kept.ask(number, range=f"bytes={len(whole.body)}-")
    assert (behind.status, behind.document["error"]) == (416, "range_not_satisfiable")


@pytest.mark.parametrize("headers", [{}, {"accept_encoding": "gzip"}, {"accept": "application/json"}])
def test_heads_and_what_one_has_already(kept: Kept, headers: dict[str, str]) -> None:
    """HEAD says what GET would, without a body; whoever has the bytes is told so."""
    whole, head = kept.ask(kept.full, **headers), kept.ask(kept.full, "HEAD", **headers)
    assert (head.status, head.body) == (200, b"")
    for name in ("content-type", "content-encoding", "content-disposition", "etag"):
        assert head.headers[name] == whole.headers[name]
    if headers.get("accept") is None:
        assert head.headers["content-length"] == str(len(whole.body))
    again = kept.ask(kept.full, **headers, if_none_match=whole.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_plain_json_has_no_ranges(kept: Kept) -> None:
    """What is unpacked on the way cannot be cut before: a range is answered with all of it."""
    answer = kept.ask(kept.full, accept="application/json", range="bytes=7-")
    assert (answer.status, len(json.loads(answer.body))) == (200, 200)
    assert answer.headers["accept-ranges"] is None


@pytest.mark.parametrize("parameters", [{"id": 0}, {"id": "0"}, {"id": 0.0}, {"id": "0", "start": "x", "more": 1}])
def test_parameters_come_as_json_in_a_post(kept: Kept, parameters: dict[str, Any]) -> None:
    """POST brings the same bytes, whether its numbers are numbers or texts; unknown names are passed over."""
    body = json.dumps(parameters | {"id": type(parameters["id"])(kept.full)}).encode()
    headers = {"authorization": f"Basic {kept.key}", "accept-encoding": "identity"}
    answer = kept.world.http.post("/api/v1/export/get", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, kept.ask(kept.full).body)


@pytest.mark.parametrize(
    "body", [b'{"start": 1767000000}', b'{"start": "1767000000"}', b'{"start": 1767000000.9}', b"{}", b""]
)
def test_a_list_can_be_asked_for_by_post(kept: Kept, body: bytes) -> None:
    """POST lists what GET lists; without a start it begins with the first bundle."""
    headers = {"authorization": f"Basic {kept.key}"}
    answer = kept.world.http.post("/api/v1/export/list", content=body, headers=headers)
    by_query = kept.world.http.get("/api/v1/export/list?start=1767000000", headers=headers)
    assert answer.status_code == 200
    assert answer.json() == by_query.json() == kept.world.http.get("/api/v1/export/list", headers=headers).json()
    assert [one["ID"] for one in answer.json()["exports"]] == [kept.full, kept.empty]
