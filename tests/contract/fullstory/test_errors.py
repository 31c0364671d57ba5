"""Every answer that is not a success: statuses, and bodies that are JSON whatever happens."""

import base64
import json
from typing import Any

import pytest
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.errors import TailraceError
from tailrace.surfaces.fullstory.errors import ERRORS, unknown
from tailrace.surfaces.fullstory.surface import FULLSTORY
from tests.contract.fullstory.client import Answer, Client
from tests.contract.fullstory.conftest import DAY, MIDNIGHT, World
from tests.contract.goldens import check_names, check_reply, check_total
from tests.contract.native.test_errors import REPLIES as NATIVE_REPLIES

GOLDEN = "fullstory_errors"
REPLIES: dict[str, TailraceError] = NATIVE_REPLIES | {
    "invalid_request": domain.Invalid("id", "must be a whole number"),
    "not_found": domain.NotFound("bundle", "26"),
    "not_found-app": domain.NotFound("app", ""),
    "too_soon": domain.TooSoon("fullstory", 30),
    "too_soon-long": domain.TooSoon("fullstory", 86_400),
}
UNROUTED = {
    "no_such_path": (404, "Not Found"),
    "method_not_allowed": (405, "Method Not Allowed"),
    "failure": (500, "x"),
}


def every_reply() -> dict[str, Response]:
    """Each reply by its file's name."""
    return {name: FULLSTORY.reply(error) for name, error in REPLIES.items()} | {
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


def test_every_reply_is_json_and_waits_are_short() -> None:
    """Each body is an object of a word and a sentence; a `Retry-After` is whole seconds, 1 to 30."""
    for name, reply in every_reply().items():
        assert reply.headers["content-type"] == "application/json", name
        document = json.loads(bytes(reply.body))
        assert list(document) == ["error", "message"], name
        seconds = reply.headers.get("retry-after")
        assert (seconds is not None) == (reply.status_code in (429, 503)), name
        assert seconds is None or 1 <= int(seconds) <= 30, name


def said(answer: Answer) -> tuple[int, str]:
    """Status and word of an error."""
    assert answer.headers["content-type"] == "application/json"
    return answer.status, answer.document["error"]


def test_who_has_no_key(world: World) -> None:
    """No key, one that is not known, a write key, and what would be right if it were decoded: 401."""
    decoded = base64.b64encode(b"key_0:").decode()
    for key in ("", "unknown", "wk_0", decoded, "x" * 4000):
        client = Client(world.url, key)
        for answer in (client.get("list", start=0), client.post("get", id=1)):
            assert said(answer) == (401, "unauthorized")
    header = {"Authorization": "key_1"}
    assert said(Client(world.url, "").send("GET", "list", **header)) == (401, "unauthorized")


def test_a_key_may_look_like_base64(world: World) -> None:
    """A key that is valid Base64 is a key all the same; the word before it may be written in any case."""
    key = base64.b64encode(b"user:password").decode()
    world.apply(
        f'[[spaces]]\nid = "acme"\n[[spaces.tokens]]\nvalue = "{key}"\nuser = "arc@example.com"\napps = ["app_0"]\n'
    )
    assert Client(world.url, key).get("list", start=0).status == 200
    assert Client(world.url, "").send("GET", "list", Authorization=f"basic {key}").status == 200


def test_roles(world: World) -> None:
    """Keys of an admin and of an architect may; the key of a user whose role is standard is forbidden."""
    standard = Client(world.url, "key_standard")
    for answer in (standard.get("list", start=0), standard.post("list"), standard.get("get", id=1)):
        assert said(answer) == (403, "forbidden")
        assert "forbidden" in answer.body.decode().lower()
    assert Client(world.url, "tok_bob").get("list", start=0).status == 200  # an admin, of a space with one app


def test_a_key_is_of_one_app(world: World) -> None:
    """A key that sees several apps leads to the default one of its space, and to none while there is none."""
    whole = Client(world.url, "tok_ana")
    assert said(whole.get("list", start=0)) == (400, "bad_request")
    app = world.app()
    app.send(MIDNIGHT - DAY)
    bundles = app.ready().listed(0)
    space = f'[[spaces]]\nid = "acme"\n[spaces.default_apps]\nfullstory = "{app.id}"\n'
    assert "set default app of fullstory" in world.apply(space)
    assert whole.listed(0) == bundles
    assert world.apply(space) == []
    for wrong in ('nobody = "app_0"', 'fullstory = "app_other"'):
        with pytest.raises(domain.Invalid):
            world.apply(f'[[spaces]]\nid = "acme"\n[spaces.default_apps]\n{wrong}\n')


def test_a_bundle_of_another_app_is_unknown(world: World) -> None:
    """What another app, or another company, has looks as what there is not."""
    mine, other = world.app(), world.app()
    mine.send(MIDNIGHT - DAY)
    (bundle,) = mine.ready().listed(0)
    for client in (other.client(), Client(world.url, "tok_bob")):
        there, absent = client.get("get", id=bundle["ID"]), client.get("get", id=10**14)
        assert said(there) == said(absent) == (404, "not_found")
        assert there.body.replace(str(bundle["ID"]).encode(), b"") == absent.body.replace(str(10**14).encode(), b"")


def test_parameters_that_cannot_be(world: World) -> None:
    """400 names the parameter: a start that is no number, an id that is none or is missing, one that is given twice."""
    client = world.app().client()
    lists = ("list?start=x", "list?start=-1", "list?start=", "list?start=1&start=2", "list?start=9e9")
    gets = ("get", "get?id=", "get?id=x", "get?id=-1", "get?id=1.5", "get?id=9999999999999999999", "get?ID=1")
    for path in (*lists, *gets):
        assert said(client.send("GET", path)) == (400, "bad_request"), path
    bodies: list[Any] = [b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"start": true}', b'{"start": []}']
    for body in bodies:
        assert said(client.send("POST", "list", body)) == (400, "bad_request"), body[:20]
    assert said(client.send("POST", "get", b'{"id": null}')) == (400, "bad_request")
    assert client.get("list", start=10**14).document == {"exports": []}


def test_paths_and_methods_that_are_none(world: World) -> None:
    """What the server's framework refuses is JSON, too."""
    client = world.app().client()
    assert said(client.send("DELETE", "list")) == (405, "method_not_allowed")
    assert said(client.send("GET", "other")) == (404, "not_found")
