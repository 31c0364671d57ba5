"""What both clients ask, ask again and make of answers."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tailrace.client import (
    Client,
    ClientError,
    ConnectionLost,
    Export,
    ExportRequest,
    ProblemError,
    Retries,
    WaitTimeout,
    Window,
)
from tailrace.client.problems import problem_of
from tailrace.client.session import Session, origin
from tailrace.model.errors import Invalid
from tests.contract_server import REQUEST, TOKEN, ContractServer, Reply, busy, contract_server, lost
from tests.unit.client.conftest import Do

ASKED = ExportRequest(app="app_waves", window=Window("available"))


def test_a_lost_answer_makes_no_second_export(server: ContractServer, do: Do) -> None:
    """The request is sent again under the same key, and the export that exists is the answer; only what differs from
    the defaults is sent.
    """
    server.plan(lost, "POST", "/v1/exports", times=2)
    export = do("exports", "create")(ASKED)
    sent = server.asked("POST")
    assert (list(server.exports), export.id) == (["exp_0"], "exp_0")
    assert len(sent) == 3
    assert len({seen.headers["idempotency-key"] for seen in sent}) == 1
    assert json.loads(sent[0].body) == {"app": "app_waves", "window": {"axis": "available"}}
    do("exports", "create")(ASKED)
    assert len({seen.headers["idempotency-key"] for seen in server.asked("POST")}) == 2


def test_what_may_not_happen_twice_is_not_sent_twice(server: ContractServer, do: Do) -> None:
    """A lost answer to rerun is an error after one request; a refusal that says so is waited out."""
    server.exports["exp_a"] = {"id": "exp_a"}
    server.plan(lost, "POST", ":rerun")
    with pytest.raises(ConnectionLost):
        do("exports", "rerun")("exp_a")
    assert len(server.asked("POST")) == 1
    server.plan(busy(), "POST", ":rerun")
    assert do("exports", "rerun")("exp_a").state == "queued"
    assert len(server.asked("POST")) == 3


def test_a_resend_of_events_is_the_same_bytes(server: ContractServer, do: Do) -> None:
    """A batch says when it was sent, once for all repeats, and goes with the write key."""
    server.static["/v1/events"] = b'{"received": 1, "accepted": 1}'
    server.plan(lost, "POST", "/v1/events")
    accepted = do("events", "send")([{"event": "go", "device_id": "d"}])
    one, two = server.asked("POST")
    assert (accepted.accepted, accepted.rejected) == (1, [])
    assert one.body == two.body
    assert "sent_at" in json.loads(one.body)
    assert one.headers["authorization"] == "Bearer wk"


def test_a_refusal_is_an_error_with_fields(server: ContractServer, do: Do) -> None:
    """Code, detail, status, and the other keys; it is asked once."""
    with pytest.raises(ProblemError) as caught:
        do("exports", "get")("exp_none")
    error = caught.value
    assert (error.status, error.code, error.retryable, error.more) == (404, "not_found", False, {"where": "there"})
    assert "There is no export exp_none" in str(error)
    assert len(server.seen) == 1


def test_a_list_is_all_pages(server: ContractServer, do: Do) -> None:
    """Pages are followed to the last, with the filters on each."""
    server.exports |= {f"exp_{n}": server._export(f"exp_{n}", "succeeded") for n in range(5)}
    found = do("exports", "list")(app="app_waves", limit=2)
    assert [export.id for export in found] == [f"exp_{n}" for n in range(5)]
    assert [seen.target.partition("?")[2] for seen in server.seen] == [
        "app=app_waves&limit=2",
        "app=app_waves&limit=2&after=2",
        "app=app_waves&limit=2&after=4",
    ]


CALLS: list[tuple[str, str, tuple[Any, ...], dict[str, Any], str, Any]] = [
    ("exports", "estimate", (ASKED,), {}, "POST /v1/exports:estimate", REQUEST),
    ("exports", "cancel", ("exp_0",), {}, "DELETE /v1/exports/exp_0", None),
    ("tokens", "create", (), {"name": "n", "scopes": ["x"]}, "POST /v1/tokens", {"name": "n", "scopes": ["x"]}),
    ("tokens", "get", ("tkn_1",), {}, "GET /v1/tokens/tkn_1", None),
    ("tokens", "refresh", ("tkn_1",), {"grace": 60}, "POST /v1/tokens/tkn_1:refresh", {"grace": 60}),
    ("tokens", "revoke", ("tkn_1",), {}, "DELETE /v1/tokens/tkn_1", None),
    ("users", "create", ("a@b.c",), {"role": "admin"}, "POST /v1/users", {"email": "a@b.c", "role": "admin"}),
    ("users", "get", ("usr_1",), {}, "GET /v1/users/usr_1", None),
    ("users", "set", ("usr_1",), {"disabled": False}, "PATCH /v1/users/usr_1", {"disabled": False}),
    ("users", "disable", ("usr_1",), {}, "DELETE /v1/users/usr_1", None),
    ("apps", "create", ("x",), {"name": "X"}, "POST /v1/apps", {"id": "x", "name": "X"}),
    ("apps", "get", ("a/b",), {}, "GET /v1/apps/a%2Fb", None),
    ("apps", "set", ("x",), {"name": "Y"}, "PATCH /v1/apps/x", {"name": "Y"}),
    ("apps", "rotate_keys", ("x", "api_key"), {}, "POST /v1/apps/x/keys:rotate", {"key": "api_key"}),
    ("me", "get", (), {}, "GET /v1/me", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("group", "name", "arguments", "more", "line", "body"), CALLS, ids=[f"{c[0]}.{c[1]}" for c in CALLS]
)
def test_each_call_is_what_the_contract_says(
    server: ContractServer, do: Do, group: str, name: str, arguments: Any, more: Any, line: str, body: Any
) -> None:
    """Method, path and body; what is not given is not sent."""
    server.exports["exp_0"] = server._export("exp_0", "queued")
    do(group, name)(*arguments, **more)
    (seen,) = server.seen
    assert f"{seen.method} {seen.target}" == line
    assert (json.loads(seen.body) if seen.body else None) == body
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"


def test_waiting_ends_with_the_export(server: ContractServer, do: Do) -> None:
    """The server is asked to hold its answer; one that answers at once is polled; each look is told."""
    server.states = [("queued", 0), ("running", 50), ("running", 50), ("failed", 50)]
    server.exports["exp_a"] = server._export("exp_a", "queued")
    told: list[Export] = []
    export = do("exports", "wait")("exp_a", hold=7, changed=told.append)
    assert (export.state, export.ended, export.succeeded) == ("failed", True, False)
    assert [one.progress.percent for one in told] == [0, 50, 50, 50]
    assert {seen.target for seen in server.seen} == {"/v1/exports/exp_a?wait=7"}


def test_waiting_has_an_end(server: ContractServer, do: Do) -> None:
    """When the time is up, the error holds the export as it is."""
    server.exports["exp_a"] = server._export("exp_a", "running")
    with pytest.raises(WaitTimeout) as caught:
        do("exports", "wait")("exp_a", timeout=0)
    assert caught.value.export.state == "running"


def test_a_server_that_is_newer_or_older_is_understood(server: ContractServer, do: Do) -> None:
    """Unknown keys and states are no error, absent keys have defaults; what is no document is one."""
    server.static["/v1/exports/exp_a"] = json.dumps(
        {
            "id": "exp_a",
            "app": "x",
            "state": "paused",
            "request": {"app": "x", "window": {"axis": "moon", "z": 1}},
            "z": {},
        }
    ).encode()
    export = do("exports", "get")("exp_a")
    assert (export.state, export.ended, export.progress.percent, export.request.window.axis) == (
        "paused",
        False,
        0,
        "moon",
    )
    server.static["/v1/exports/exp_a"] = b"<html>"
    with pytest.raises(ProblemError, match="unreadable_answer"):
        do("exports", "get")("exp_a")


def pauses(retries: Retries, error: ClientError, *, repeatable: bool = True) -> list[float]:
    """The pauses before each repeat until it is given up."""
    found: list[float] = []
    while (pause := retries.pause(error, len(found), repeatable=repeatable)) is not None:
        found.append(pause)
    return found


def problem(status: int, *, retryable: bool = True, after: str = "", code: str = "c") -> ProblemError:
    body = json.dumps({"code": code, "detail": "d", "retryable": retryable}).encode()
    return problem_of(status, {"retry-after": after, "date": "Fri, 02 Jan 2026 03:04:05 GMT"}, body)


def test_when_and_how_long_to_wait() -> None:
    """Pauses double up to their bound and are spread; Retry-After is a floor, in seconds or as a date; what asks for
    more than our patience, what waiting cannot mend and what may not happen twice is not asked again.
    """
    top = Retries(most=5, first_s=1, longest_s=6, chance=lambda: 1.0)
    assert pauses(top, ConnectionLost("x")) == [1, 2, 4, 6, 6]
    assert pauses(Retries(most=5, chance=lambda: 0.0), ConnectionLost("x")) == [0] * 5
    assert pauses(top, problem(503, after="10")) == [11, 12, 14, 16, 16]
    assert pauses(top, problem(429, after="Fri, 02 Jan 2026 03:04:07 GMT"))[0] == 3
    assert pauses(top, problem(429, after="nonsense"))[0] == 1
    assert pauses(top, problem(503, after="121")) == []
    assert pauses(top, problem(409)) == pauses(top, problem(400)) == pauses(top, problem(500, retryable=False)) == []
    assert pauses(top, ConnectionLost("x"), repeatable=False) == []
    assert len(pauses(top, problem(503), repeatable=False)) == 5
    gateway = problem_of(502, {}, b"<html>secret</html>")
    assert (len(pauses(top, gateway)), pauses(top, gateway, repeatable=False)) == (5, [])
    assert "secret" not in str(gateway)


def test_retry_after_is_waited_for(server: ContractServer, do: Do) -> None:
    """Over the wire: a second, and the pause on top, which here is nothing."""
    server.plan(busy(1), "GET", "/v1/me")
    clock = Session("http://x").monotonic
    begin = clock()
    do("me", "get")(retries=Retries(chance=lambda: 0.0))
    assert clock() - begin >= 1
    assert len(server.seen) == 2


@contextmanager
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """All loggers at their most talkative."""
    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "httpx"),
        caplog.at_level(logging.DEBUG, "httpcore"),
    ):
        yield


def test_secrets_are_in_no_log_and_no_text(
    server: ContractServer, client: Client, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    """Neither token nor signature is in what any library logs, nor in what our values say of themselves."""
    export = server.ready({"a.json": b"1"})
    with everything_logged(caplog):
        client.pull(export, tmp_path / "out")
        made = client.tokens.create(name="n")
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "HTTP Request: GET" in text
    assert made.token == "tok_new"
    session = client.runner.session
    for said in (text, repr(session), repr(made), repr(session.request(server_call()))):
        for secret in (TOKEN, "tok_new", "signature="):
            assert secret not in said


def server_call() -> Any:
    from tailrace.client.accounts import get_me

    return get_me()


def test_the_token_goes_to_its_server_only(server: ContractServer, client: Client, tmp_path: Any) -> None:
    """Links on another host and redirects are followed without it; a call that is redirected is an error."""
    with contract_server() as other:
        export = server.ready({"a.json": b"1" * 100, "b.json": b"2"})
        other.ready({"a.json": b"1" * 100, "b.json": b"2"})
        server.public = other.url
        client.pull(export, tmp_path / "links")
        server.public = ""
        there = f"{other.url}/v1/exports/{export}/files/b.json?signature=s0"
        server.plan(lambda *_: Reply(307, b"", {"location": there}), "GET", "files/b.json")
        client.pull(export, tmp_path / "redirected")
        assert len(other.asked("GET", "files/")) == 3
        assert all("authorization" not in seen.headers for seen in other.seen)
        assert all("authorization" not in seen.headers for seen in server.asked("GET", "files/"))
        server.plan(lambda *_: Reply(307, b"", {"location": f"{other.url}/v1/me?x=1"}), "GET", "/v1/me")
        with pytest.raises(ProblemError, match="redirected") as caught:
            client.me.get()
        assert other.asked("GET", "/v1/me") == []
        assert "x=1" not in str(caught.value)


def test_origins_and_tokens_that_cannot_be() -> None:
    """Default ports are the same origin, all else is not; what is no server or no token is refused."""
    assert origin("HTTP://A:80/x") == origin("http://a/y")
    assert len({origin(u) for u in ("http://a", "https://a", "http://a:81", "http://b", "http://a.b")}) == 5
    for server, token in (("ftp://x", "t"), ("x", "t"), ("http://", "t"), ("http://x?y=1", "t"), ("http://x", "a\nb")):
        with pytest.raises(Invalid):
            Session(server, token)
    assert Session("http://a/base/").authorization_for("http://a/x?signature=1") == {}
    assert Session("http://a", "t").authorization_for("http://a:80/x") == {"authorization": "Bearer t"}


def test_no_server_is_an_error_of_ours() -> None:
    """A refused connection is told without a query, after all repeats."""
    with Client("http://127.0.0.1:1", "t", retries=Retries(most=1, first_s=0)) as client:
        with pytest.raises(ConnectionLost, match="has no answer") as caught:
            client.exports.list(app="secret").__next__()
        assert "secret" not in str(caught.value)
    assert issubclass(ConnectionLost, ClientError)
    assert not issubclass(ClientError, httpx.HTTPError)
