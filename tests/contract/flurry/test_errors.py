"""The errors of the surface: one reply for each, kept as a golden file; and what brings the common ones about.

`TAILRACE_UPDATE_GOLDEN=1` writes the files anew.
"""

import json
from typing import Any

import pytest
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.clock import DAY
from tailrace.model.errors import TailraceError
from tailrace.surfaces.flurry.errors import ERRORS, unknown
from tailrace.surfaces.flurry.surface import FLURRY
from tests.contract.flurry.client import Client, send
from tests.contract.flurry.conftest import END, START, World
from tests.contract.goldens import check_names, check_reply, check_total
from tests.contract.native.test_errors import REPLIES as NATIVE_REPLIES

GOLDEN = "flurry_errors"
UNAUTHORIZED = {"code": 401, "message": "Unauthorized"}

REPLIES: dict[str, TailraceError] = NATIVE_REPLIES | {
    "invalid_request": domain.Invalid("outputFormat", "must be one of JSON, CSV, XML"),
    "not_found": domain.NotFound("export", "26"),
    "not_found-app": domain.NotFound("app", ""),
    "window_too_long": domain.WindowTooLong(31 * DAY),
    "window_too_old": domain.WindowTooOld(730 * DAY),
    "too_much_data": domain.TooMuchData(7 * DAY),
    "too_much_data-day": domain.TooMuchData(DAY),
    "link_expired": domain.LinkExpired(1_513_101_235_000, 1_517_428_056_789),
}
UNROUTED = {
    "no_such_path": (404, "Not Found"),
    "method_not_allowed": (405, "Method Not Allowed"),
    "failure": (500, "x"),
}


def every_reply() -> dict[str, Response]:
    """Each reply by its file's name."""
    return {name: FLURRY.reply(error) for name, error in REPLIES.items()} | {
        name: unknown(*what) for name, what in UNROUTED.items()
    }


@pytest.mark.parametrize("name", [*REPLIES, *UNROUTED])
def test_a_reply_is_as_it_was(name: str) -> None:
    """Status, headers and body of each error are those of its golden file."""
    check_reply(GOLDEN, name, every_reply()[name])


def test_no_golden_file_is_left_over() -> None:
    """Each golden file belongs to a reply."""
    check_names(GOLDEN, {*REPLIES, *UNROUTED})


def test_every_error_has_a_reply_of_its_own() -> None:
    """The surface's table names every class of the family and nothing else, and each has a golden reply."""
    check_total(ERRORS, REPLIES)


def test_every_reply_has_one_of_three_forms() -> None:
    """The 401 of the document, an array of sentences, or S3's XML: nothing else is ever answered."""
    for name, reply in every_reply().items():
        body = bytes(reply.body).decode()
        if reply.headers["content-type"] == "application/xml":
            assert "<Error>" in body, name
        elif (document := json.loads(body)) != UNAUTHORIZED:
            assert list(document) == ["errors"], name
            assert [type(one) for one in document["errors"]] == [str], name
            assert reply.status_code not in (200, 401), name


@pytest.mark.parametrize("token", ["", "unknown", "tok_bob", "wk_waves"])
def test_a_token_without_access_is_unauthorized(world: World, token: str) -> None:
    """No token, an unknown one, one of another company, a key that is no token: 401 with the document's body."""
    stranger = Client(world.client.url, token, world.client.api_key)
    answer = stranger.request(START, END)
    assert (answer.status, answer.document) == (401, UNAUTHORIZED)


def test_a_long_token_is_read(world: World) -> None:
    """Tokens of the length of JWTs are no reason for another answer than that they are not known."""
    answer = Client(world.client.url, "x" * 4000, world.client.api_key).request(START, END)
    assert (answer.status, answer.document) == (401, UNAUTHORIZED)


def test_an_app_that_is_not_ones_own_is_unauthorized(world: World) -> None:
    """A key that no app has, and one that an app of another company has, get the same 401."""
    for key in ("NOSUCHKEY00000000000", "wk_waves"):
        answer = Client(world.client.url, "tok_ana", key).request(START, END)
        assert (answer.status, answer.document) == (401, UNAUTHORIZED)


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"outputFormat": "PARQUET"}, "outputFormat"),
        ({"outputFormat": None}, "outputFormat"),
        ({"startTime": "yesterday"}, "startTime"),
        ({"startTime": True}, "startTime"),
        ({"startTime": -1}, "startTime"),
        ({"endTime": None}, "endTime"),
        ({"endTime": 10**18}, "endTime"),
        ({"endTime": START}, "endTime"),
        ({"apiKey": ""}, "apiKey"),
        ({"apiKey": 7}, "apiKey"),
    ],
)
def test_what_cannot_be_is_a_sentence(world: World, attributes: dict[str, Any], says: str) -> None:
    """A missing attribute, or one that cannot be, is 400 with one sentence that begins with its name."""
    whole = {"startTime": START, "endTime": END, "outputFormat": "JSON", "apiKey": world.client.api_key} | attributes
    refused = post(world, json.dumps({"data": {"type": "rawData", "attributes": whole}}).encode())
    assert refused["errors"][0].startswith(says)
    assert len(refused["errors"]) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"data": []}', b'{"data": {"type": "x", "attributes": {}}}', b"\xff", b"[" * 100_000],
)
def test_bodies_that_are_no_requests(world: World, body: bytes) -> None:
    """Empty, broken, of another form or another type: 400 and a sentence."""
    assert len(post(world, body)["errors"]) == 1


def post(world: World, body: bytes) -> Any:
    """What is said of a body that is refused."""
    answer = world.client.send("POST", f"{world.client.url}/pulse/v1/rawData", body)
    assert answer.status == 400, answer.body
    return answer.document


def test_unknown_requests_and_those_of_others_look_alike(world: World) -> None:
    """An id that there is none of, one that is no number, and one of another company: 404 and an `errors` array."""
    number = world.client.request(START, END).document["data"]["id"]
    other = Client(world.client.url, "tok_bob", "")
    for client, wanted in ((other, number), (world.client, "99999"), (world.client, "x"), (world.client, "9" * 40)):
        answer = client.status(wanted)
        assert (answer.status, answer.document) == (404, {"errors": [f"There is no request {wanted}"]})


def test_paths_and_methods_that_are_none(world: World) -> None:
    """What the server's framework refuses has the dialect's form, too."""
    for method, path, status in (("GET", "/pulse/v1/rawData", 405), ("GET", "/pulse/v2/x", 404)):
        answer = send(method, f"{world.client.url}{path}", {})
        assert (answer.status, list(answer.document)) == (status, ["errors"])
