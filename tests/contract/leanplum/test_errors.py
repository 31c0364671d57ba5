"""The errors of the surface: one reply for each, kept as a golden file; and what brings the common ones about.

`TAILRACE_UPDATE_GOLDEN=1` writes the files anew.
"""

import json
from collections.abc import Callable

import pytest
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.clock import DAY, MINUTE
from tailrace.model.errors import TailraceError
from tailrace.surfaces.leanplum.errors import ERRORS, NO_DATA, refused, unknown
from tailrace.surfaces.leanplum.surface import LEANPLUM
from tests.contract.goldens import check_names, check_reply, check_total
from tests.contract.leanplum.client import send
from tests.contract.leanplum.conftest import TODAY, World
from tests.contract.native.test_errors import REPLIES as NATIVE_REPLIES

GOLDEN = "leanplum_errors"

REPLIES: dict[str, TailraceError] = NATIVE_REPLIES | {
    "invalid_request": domain.Invalid("startDate", "must be a date of the form YYYYmmdd"),
    "not_found": domain.NotFound("export", "export_1_26"),
    "not_found-file": domain.NotFound("file", "export-1-x"),
    "window_too_old": domain.WindowTooOld(60 * DAY),
    "window_in_future": domain.WindowInFuture(2, 1, 15 * MINUTE),
    "quota_spent": domain.QuotaSpent("leanplum.per_day", 24, 1, 2),
    "malformed_body": domain.Malformed("it is not JSON"),
}
OTHERS: dict[str, Callable[[], Response]] = {
    "no_data": lambda: refused(404, NO_DATA),
    "no_such_path": lambda: unknown(404, "Not Found"),
    "method_not_allowed": lambda: unknown(405, "Method Not Allowed"),
    "failure": lambda: unknown(500, "x"),
}


def every_reply() -> dict[str, Response]:
    """Each reply by its file's name."""
    return {name: LEANPLUM.reply(error) for name, error in REPLIES.items()} | {
        name: reply() for name, reply in OTHERS.items()
    }


@pytest.mark.parametrize("name", [*REPLIES, *OTHERS])
def test_a_reply_is_as_it_was(name: str) -> None:
    """Status, headers and body of each error are those of its golden file."""
    check_reply(GOLDEN, name, every_reply()[name])


def test_no_golden_file_is_left_over() -> None:
    """Each golden file belongs to a reply."""
    check_names(GOLDEN, {*REPLIES, *OTHERS})


def test_every_error_has_a_reply_of_its_own() -> None:
    """The surface's table names every class of the family and nothing else, and each has a golden reply."""
    check_total(ERRORS, REPLIES)


def test_every_reply_has_one_form() -> None:
    """A message in the envelope, with the headers of every answer: nothing else is ever answered."""
    for name, reply in every_reply().items():
        document = json.loads(bytes(reply.body))
        message = document["response"][0]["error"]["message"]
        assert document == {"response": [{"success": False, "error": {"message": message}}]}, name
        assert message, name
        assert reply.headers["content-type"] == "application/json;charset=utf-8", name
        assert reply.headers["access-control-allow-origin"] == "*", name


def test_the_recorded_texts() -> None:
    """What was recorded of the original is said word by word, with its status."""
    recorded = {
        "window_too_old": (200, "You cannot export data older than 60 days"),
        "no_data": (404, "No matching data found."),
    }
    for name, (status, text) in recorded.items():
        reply = every_reply()[name]
        assert (reply.status_code, json.loads(bytes(reply.body))["response"][0]["error"]) == (status, {"message": text})
    assert "Invalid access key" in bytes(every_reply()["unauthorized"].body).decode()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"startDate": ""}, "startDate is missing"),
        ({"startDate": "2026-03-20"}, "startDate"),
        ({"startDate": "20261320"}, "startDate"),
        ({"startDate": "20260300"}, "startDate"),
        ({"startDate": "٢٠٢٦٠٣٢٠"}, "startDate"),
        ({"endDate": "20260332"}, "endDate"),
        ({"endDate": "20260319"}, "endDate"),
        ({"startTime": "yesterday"}, "startTime"),
        ({"startTime": "nan"}, "startTime"),
        ({"startTime": "-1"}, "startTime"),
        ({"endTime": "1774000000000"}, "endTime"),
        ({"startTime": "1774000000", "endTime": "1774000000"}, "endTime"),
        ({"startTime": "253402300799"}, "startTime"),
        ({"exportFormat": "xml"}, "exportFormat"),
        ({"compressData": "maybe"}, "compressData"),
        ({"s3BucketName": "b"}, "s3AccessId"),
        ({"s3BucketName": "b", "s3AccessId": "a"}, "s3AccessKey"),
        ({"action": "exportdata"}, "action"),
        ({"action": "getExportResults"}, "jobId"),
    ],
)
def test_what_cannot_be_is_told_with_200(world: World, arguments: dict[str, str], says: str) -> None:
    """A missing argument, or one that cannot be, is 200 without success, and the message names it."""
    whole = {"startDate": TODAY} | arguments
    answer = world.client.call(whole.pop("action", "exportData"), **whole)
    assert (answer.status, says in answer.message) == (200, True), answer.body


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a":', b"{" * 100_000, b"[1]"])
def test_bodies_that_are_no_arguments(world: World, body: bytes) -> None:
    """A body that cannot be read, or has no arguments, changes nothing of the form of the answer."""
    answer = send("POST", f"{world.client.url}/api", body)
    assert (answer.status, bool(answer.message)) == (200 if body != b"[1]" else 403, True)


def test_paths_and_methods_that_are_none(world: World) -> None:
    """What the server's framework refuses has the dialect's form, too."""
    for method, path, status in (("DELETE", "/api", 405), ("GET", "/api/x", 404), ("GET", "/export-", 404)):
        assert (send(method, f"{world.client.url}{path}").status) == status, path
        assert send(method, f"{world.client.url}{path}").message
