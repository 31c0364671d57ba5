"""The errors of the native API: one reply for each, kept as a golden file, and each documented.

`TAILRACE_UPDATE_GOLDEN=1` writes the files anew.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.errors import CURSOR_REASONS, TailraceError
from tailrace.surfaces.native import NATIVE
from tailrace.surfaces.native.errors import ERRORS, unknown

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden" / "native_errors"
DOCS = (ROOT / "docs" / "api.md").read_text("utf-8")
MEMBERS = {"type", "title", "status", "code", "detail", "retryable"}

REPLIES: dict[str, TailraceError] = {
    "invalid_request": domain.Invalid("window.to", "must be later than window.from"),
    "malformed_body": domain.Malformed("the body is not JSON: unexpected end"),
    "body_too_large": domain.TooLarge(16_777_216),
    "too_slow": domain.TooSlow(60_000),
    "too_many_records": domain.TooManyRecords(1000),
    "unauthorized": domain.Unauthorized(),
    "forbidden": domain.Forbidden("exports.create"),
    "above_your_rights": domain.AboveYou("the scope users.write"),
    "csrf_refused": domain.CsrfRefused(),
    "setup_refused": domain.SetupRefused(),
    "last_admin": domain.LastAdmin(),
    "taken": domain.Taken("email"),
    "locked": domain.Locked(8),
    "quota_spent": domain.QuotaSpent("exports.per_day", 50, 1_767_323_045_678, 1_767_398_400_000),
    "too_soon": domain.TooSoon("logins", 6),
    "not_found": domain.NotFound("app", "app_waves"),
    "not_ready-queued": domain.NotReady("queued"),
    "not_ready-failed": domain.NotReady("failed"),
    "expired": domain.Expired(1_767_323_045_678),
    "link_expired": domain.LinkExpired(1_767_323_045_000, 1_767_323_045_678),
    "range_not_satisfiable": domain.RangeNotSatisfiable(1_107_827),
    "window_in_future": domain.WindowInFuture(1_767_326_645_678, 1_767_323_045_678, 900_000),
    "window_too_long": domain.WindowTooLong(2_678_400_000),
    "window_too_old": domain.WindowTooOld(63_072_000_000),
    "too_much_data": domain.TooMuchData(604_800_000),
    **{f"cursor_refused-{reason}": domain.CursorRefused(reason) for reason in CURSOR_REASONS},
    "too_many_running": domain.TooManyRunning(100),
    "idempotency_mismatch": domain.IdempotencyMismatch(),
    "too_many_waiting": domain.TooManyWaiting(1000),
    "unavailable": domain.Unavailable("the database did not answer: connection refused", 5),
    "fence_lost": domain.FenceLost("shard all of app_waves"),
    "export_failed": domain.ExportFailed("a slice failed three times"),
    "internal": domain.TailraceError(),
}
UNROUTED = {"no_such_path": (404, "Not Found"), "method_not_allowed": (405, "Method Not Allowed")}


def family(kind: type[TailraceError] = TailraceError) -> Iterator[type[TailraceError]]:
    """Every domain error there is; those that a test made up do not count."""
    if kind.__module__.startswith("tailrace."):
        yield kind
    for sub in kind.__subclasses__():
        yield from family(sub)


def documented() -> dict[str, int]:
    """Code and status of each row of the table in docs/api.md."""
    table = DOCS.split("\n## Errors\n")[1]
    return {code: int(status) for code, status in re.findall(r"^\| `(\w+)` \| (\d+) \|", table, re.MULTILINE)}


def as_golden(response: Response) -> dict[str, Any]:
    """Status, headers and body of a reply."""
    return {
        "status": response.status_code,
        "headers": dict(sorted(response.headers.items())),
        "body": json.loads(bytes(response.body)),
    }


def every_reply() -> dict[str, Response]:
    """Each reply by its file's name."""
    return {name: NATIVE.reply(error) for name, error in REPLIES.items()} | {
        name: unknown(*what) for name, what in UNROUTED.items()
    }


@pytest.mark.parametrize("name", [*REPLIES, *UNROUTED])
def test_a_reply_is_as_it_was(name: str) -> None:
    """Status, headers and body of each error are those of its golden file."""
    path = GOLDEN / f"{name}.json"
    found = as_golden(every_reply()[name])
    if os.environ.get("TAILRACE_UPDATE_GOLDEN"):
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
    assert found == json.loads(path.read_text("utf-8"))


def test_no_golden_file_is_left_over() -> None:
    """Each golden file belongs to a reply."""
    assert {path.stem for path in GOLDEN.glob("*.json")} == {*REPLIES, *UNROUTED}


def test_every_error_has_a_reply_of_its_own() -> None:
    """The surface's table names every class of the family and nothing else, and each has a golden reply."""
    assert set(ERRORS) == set(family())
    assert {type(error) for error in REPLIES.values()} == set(family())


def test_a_new_error_would_be_found() -> None:
    """The walk sees a class that somebody adds below another one."""
    made = type("MadeUp", (domain.NotFound,), {"__module__": "tailrace.elsewhere"})
    assert made in set(family())
    made.__module__ = "tests"  # so that no other test sees it


def test_every_reply_is_a_problem_document() -> None:
    """Each has the promised members, the content type, one status, and a code of its own class."""
    for name, response in every_reply().items():
        body = json.loads(bytes(response.body))
        assert body.keys() >= MEMBERS, name
        assert body["status"] == response.status_code, name
        assert response.headers["content-type"] == "application/problem+json", name
        assert body["code"] == name.partition("-")[0], name
        assert body["type"].endswith(body["code"]), name
        assert len(body["detail"]) >= 9, name


def test_a_retry_is_promised_where_it_helps() -> None:
    """`retryable` is what the domain says; the errors that pass by themselves say when to come back."""
    for name, error in REPLIES.items():
        body = json.loads(bytes(NATIVE.reply(error).body))
        expected = error.retryable or name == "not_ready-queued"
        assert body["retryable"] is expected, name
    assert NATIVE.reply(REPLIES["unavailable"]).headers["retry-after"] == "5"
    assert NATIVE.reply(REPLIES["too_many_waiting"]).headers["retry-after"] == "5"
    assert NATIVE.reply(REPLIES["too_many_running"]).headers["retry-after"] == "5"
    assert NATIVE.reply(REPLIES["locked"]).headers["retry-after"] == "8"
    assert NATIVE.reply(REPLIES["quota_spent"]).headers["retry-after"] == "75355"
    assert NATIVE.reply(REPLIES["too_soon"]).headers["retry-after"] == "6"
    assert NATIVE.reply(REPLIES["unauthorized"]).headers["www-authenticate"].startswith("Bearer")


def test_the_documented_codes_are_those_of_the_code() -> None:
    """docs/api.md lists every code with its status, and none that cannot come."""
    replies = {name.partition("-")[0]: response.status_code for name, response in every_reply().items()}
    assert documented() == replies


def test_the_documented_reasons_of_a_cursor_are_those_of_the_code() -> None:
    """The row of `cursor_refused` names every reason."""
    (row,) = re.findall(r"^\| `cursor_refused` .*$", DOCS, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) - {"cursor_refused", "reason"} == set(CURSOR_REASONS)


@pytest.mark.parametrize("kind", ["FenceLost", "ExportFailed"])
def test_an_inner_failure_tells_nothing_of_the_inside(kind: str) -> None:
    """What failed in the server is in its log and not in its answer."""
    body = bytes(NATIVE.reply(getattr(domain, kind)("SECRET of the inside")).body)
    assert b"SECRET" not in body
