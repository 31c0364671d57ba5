"""The errors of the surface: one reply for each, kept as a golden file; what brings each about; the order of checks.

`TAILRACE_UPDATE_GOLDEN=1` writes the files anew.
"""

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.clock import DAY
from tailrace.model.errors import TailraceError
from tailrace.surfaces.devtodev import routes
from tailrace.surfaces.devtodev.errors import ERRORS, ERRORS_LISTED, listed, unknown
from tailrace.surfaces.devtodev.surface import DEVTODEV
from tests.contract.devtodev.client import Answer, send
from tests.contract.devtodev.conftest import World
from tests.contract.goldens import check_names, check_reply, check_total
from tests.contract.native.test_errors import REPLIES as NATIVE_REPLIES

GOLDEN = "devtodev_errors"

REPLIES: dict[str, TailraceError] = NATIVE_REPLIES | {
    "not_found-export": domain.NotFound("export", "exp_a"),
    "quota_spent": domain.QuotaSpent("devtodev.per_day_of_user", 50, 1_767_323_045_678, 1_767_398_400_000),
    "quota_spent-space": domain.QuotaSpent("devtodev.per_day_of_space", 100, 1_767_323_045_678, 1_767_398_400_000),
    "quota_spent-apart": domain.QuotaSpent("devtodev.apart_ms", 4_500, 1_767_323_045_678, 1_767_323_047_000),
    "too_many_running": domain.TooManyRunning(5),
    "window_too_old": domain.WindowTooOld(90 * DAY),
}
UNROUTED = {
    "no_such_path": (404, "Not Found"),
    "method_not_allowed": (405, "Method Not Allowed"),
    "failure": (500, "x"),
}
GAPS = {5: 3, 1: 0, 2: 0, 3: 0, 12: 0, 15: 0, 16: 0, 21: 0, 22: 0}
# The document's table: status, code, text; `{}` stands for what it has between per cent signs, and for the 90.
DOCUMENTED = {
    (400, 2, "Request body is empty"),
    (400, 3, "Malformed json"),
    (401, 11, "Authorization error. Wrong user token {}"),
    (401, 12, "Authorization error. User_token is not set."),
    (400, 6, "Invalid app id {}"),
    (403, 13, "Access denied. You have no access to the app {}"),
    (403, 14, "Access denied. You have no access to the report file {}"),
    (403, 15, "Access denied. You have no access to API."),
    (403, 16, "Access denied. You have no access to RAW data export API."),
    (400, 4, "Field not found: {}"),
    (403, 17, "Quota exceeded. {} concurrent requests per user has been reached."),
    (429, 18, "Too many requests. {} requests per day per user quota has been exhausted."),
    (429, 19, "Too many requests. {} requests per day per space quota has been exhausted."),
    (429, 20, "Too many requests. One request per {} seconds per user quota has been exhausted."),
    (404, 21, "File not found. The requested report file had been expired and was deleted."),
    (
        400,
        10,
        "Incorrect report time frame interval: start_date and end_date can not be earlier than {} days from now.",
    ),
    (400, 22, "The job_id you requested is not found."),
    (400, 5, "Field {} has type {} but {} expected"),
    (400, 7, "Unknown format: {}"),
    (400, 9, "Event alias duplicated: {}"),
    (400, 8, "Unknown event: {}"),
    (500, 1, "Unknown Error"),
}


def every_reply() -> dict[str, Response]:
    """Each reply by its file's name."""
    replies = {name: DEVTODEV.reply(error) for name, error in REPLIES.items()}
    replies |= {name: unknown(*what) for name, what in UNROUTED.items()}
    return replies | {f"code-{code:02}": listed(code, *"abc"[: GAPS.get(code, 1)]) for code in ERRORS_LISTED}


NAMES = sorted([*REPLIES, *UNROUTED, *(f"code-{code:02}" for code in ERRORS_LISTED)])


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_is_as_it_was(name: str) -> None:
    """Status, headers and body of each error are those of its golden file."""
    check_reply(GOLDEN, name, every_reply()[name])


def test_no_golden_file_is_left_over() -> None:
    """Each golden file belongs to a reply."""
    check_names(GOLDEN, NAMES)


def test_every_error_has_a_reply_of_its_own() -> None:
    """The surface's table names every class of the family and nothing else, and each has a golden reply."""
    check_total(ERRORS, REPLIES)


def test_every_reply_has_the_one_form() -> None:
    """`status_code`, which is the status, and one error with a code of the document: nothing else is ever answered."""
    for name, reply in every_reply().items():
        document = json.loads(bytes(reply.body))
        assert Answer(reply.status_code, reply.headers, bytes(reply.body)).error[1] in ERRORS_LISTED, name
        assert document["status_code"] >= 400, name
        assert reply.headers["content-type"] == "application/json", name


def test_errors_are_those_of_the_document() -> None:
    """Statuses, codes and texts are the table of the document, whole."""
    assert {(status, code, text) for code, (status, text) in ERRORS_LISTED.items()} == DOCUMENTED
    assert len(DOCUMENTED) == 22


# What of a job is wrong, and the error. Rows come in the order of checks: of two faults the earlier one is answered.
# What brings 1, 15 to 20 and 13 about is in the tests below, in test_rights and in test_limits.
NO_VALUE = object()
FAULTS: list[tuple[dict[str, Any], tuple[int, int, str]]] = [
    ({"user_token": 7}, (400, 5, "Field user_token has type integer but string expected")),
    ({"user_token": NO_VALUE}, (401, 12, "Authorization error. User_token is not set.")),
    ({"user_token": "no such"}, (401, 11, "Authorization error. Wrong user token no such")),
    ({"app_id": NO_VALUE}, (400, 4, "Field not found: app_id")),
    ({"app_id": None}, (400, 4, "Field not found: app_id")),
    ({"app_id": 5}, (400, 5, "Field app_id has type integer but string expected")),
    ({"start_date": NO_VALUE}, (400, 4, "Field not found: start_date")),
    ({"start_date": "1464709200"}, (400, 5, "Field start_date has type string but number expected")),
    ({"end_date": None}, (400, 4, "Field not found: end_date")),
    ({"end_date": True}, (400, 5, "Field end_date has type boolean but number expected")),
    ({"events": "tr"}, (400, 5, "Field events has type string but array expected")),
    ({"events": {"name": "go"}}, (400, 5, "Field events has type object but array expected")),
    ({"events": ["go", 1.5]}, (400, 5, "Field events[1] has type float but string expected")),
    ({"events": [{}]}, (400, 4, "Field not found: events[0].name")),
    ({"events": [{"name": []}]}, (400, 5, "Field events[0].name has type array but string expected")),
    ({"events": [{"name": "go", "alias": 1}]}, (400, 5, "Field events[0].alias has type integer but string expected")),
    (
        {"events": [{"name": "go", "filters": []}]},
        (400, 5, "Field events[0].filters has type array but object expected"),
    ),
    (
        {"events": [{"name": "go", "filters": {"n": 5}}]},
        (400, 5, "Field events[0].filters.n has type integer but object expected"),
    ),
    (
        {"events": [{"name": "go", "filters": {"n": {"gt": "five"}}}]},
        (400, 5, "Field events[0].filters.n.gt has type string but number expected"),
    ),
    (
        {"events": [{"name": "go", "filters": {"n": {"lte": [5]}}}]},
        (400, 5, "Field events[0].filters.n.lte has type array but number expected"),
    ),
    (
        {"events": [{"name": "go", "filters": {"n": {"eq": None}}}]},
        (400, 5, "Field events[0].filters.n.eq has type null but string expected"),
    ),
    (
        {"events": [{"name": "go", "filters": {"n": {"neq": ["a", {}]}}}]},
        (400, 5, "Field events[0].filters.n.neq has type object but string expected"),
    ),
    (
        {"events": [{"name": "go", "filters": {"n": {"like": "g"}}}]},
        (400, 5, "Field events[0].filters.n.like has type string but one of gt, lt, eq, gte, lte, neq expected"),
    ),
    ({"format": 1}, (400, 5, "Field format has type integer but string expected")),
    ({"app_id": "no such"}, (400, 6, "Invalid app id no such")),
    ({"app_id": "app_other"}, (400, 6, "Invalid app id app_other")),
    ({"app_id": ""}, (400, 6, "Invalid app id ")),
    ({"app_id": "a\0b"}, (400, 6, "Invalid app id a\0b")),
    ({"format": "json"}, (400, 7, "Unknown format: json")),
    ({"format": ""}, (400, 7, "Unknown format: ")),
    *(
        (
            dates,
            (
                400,
                10,
                "Incorrect report time frame interval: start_date and end_date can not be earlier than 90 days from"
                " now.",
            ),
        )
        for dates in (
            {"start_date": 1_464_709_200},
            {"start_date": -1e300, "end_date": 1e300},
            {"end_date": 1_464_709_200},
            {"end_date": 0},
        )
    ),
    ({"events": ["never sent"]}, (400, 8, "Unknown event: never sent")),
    ({"events": ["@no_such_group"]}, (400, 8, "Unknown event: @no_such_group")),
    ({"events": [""]}, (400, 8, "Unknown event: ")),
    ({"events": ["go", "go"]}, (400, 9, "Event alias duplicated: go")),
]


def sent(world: World, *changes: dict[str, Any]) -> Answer:
    """A job that would be taken but for some changes."""
    fields: dict[str, Any] = {
        "user_token": world.client.token,
        "app_id": "app_waves",
        "start_date": world.start,
        "end_date": world.start + 3600,
    }
    for change in changes:
        fields |= change
    kept = {name: value for name, value in fields.items() if value is not NO_VALUE}
    return world.client.post("setjob", kept, query=False)


def test_each_fault_has_its_error(world: World) -> None:
    """Each thing that can be wrong with a job is answered with its exact text and status."""
    assert sent(world).status == 200
    for change, error in FAULTS:
        assert sent(world, change).error == error, change


def test_of_several_faults_the_first_is_answered(world: World) -> None:
    """Body, token, fields, app, format, dates, events: of two faults in different fields the earlier check answers,
    whichever way they are put together.
    """
    for place, (change, error) in enumerate(FAULTS):
        for other, _ in FAULTS[place + 1 :: 5]:
            if not change.keys() & other.keys():
                assert sent(world, other, change).error == error, (change, other)


@pytest.mark.parametrize("call", ["setjob", "setjob/", "getprogress", "getprogress/"])
def test_bodies_that_are_no_requests(world: World, call: str) -> None:
    """Empty is 2, whatever the query says of the token; what is no JSON object is 3, before tokens are looked at."""
    for query in (True, False):
        for body in (b"", b" \r\n"):
            assert world.client.raw(call, body, query=query).error == (400, 2, "Request body is empty")
        for body in (b"{", b"[]", b"null", b"7", b"\xff", b"[" * 100_000, b'{"a": 1,}', b"user_token=a&app_id=b"):
            assert world.client.raw(call, body, query=query).error == (400, 3, "Malformed json"), body[:20]


def test_what_is_wrong_with_a_look(world: World) -> None:
    """A look at a job needs a token and a job that exists; `job_id` is a string."""
    client = world.client
    assert client.post("getprogress", {}).error == (400, 4, "Field not found: job_id")
    assert client.post("getprogress", {"job_id": None}).error == (400, 4, "Field not found: job_id")
    typed = client.post("getprogress", {"job_id": 12}).error
    assert typed == (400, 5, "Field job_id has type integer but string expected")
    for job_id in ("exp_none", "", "a\0b", "é"):
        assert client.progress(job_id).error == (400, 22, "The job_id you requested is not found.")
    assert client.post("getprogress", {"job_id": "exp_none"}, query=False).error[1] == 12
    assert world.of("x" * 4000).progress("exp_none").error == (
        401,
        11,
        f"Authorization error. Wrong user token {'x' * 4000}",
    )
    bare = f"{client.url}/api/v1/rawexport/getprogress"
    assert send("GET", bare).error[:2] == (400, 2)
    assert send("GET", f"{bare}?job_id=exp_none").error[:2] == (401, 12)


def test_what_is_wrong_with_a_link(world: World) -> None:
    """A link needs a token, and a job that has a report; a range behind its end is refused in the same form."""
    client, place = world.client, f"{world.client.url}/api/v1/rawexport/download/"
    assert send("GET", place).error[:2] == (401, 12)
    assert send("GET", f"{place}?user_token=no&job_id=exp_none").error[:2] == (401, 11)
    assert send("GET", f"{place}?user_token={client.token}").error == (400, 4, "Field not found: job_id")
    assert send("GET", client.link("exp_none")).error[:2] == (404, 21)
    job_id = world.job(["go"])
    client.wait(job_id)
    behind = send("GET", client.link(job_id), None, {"Range": "bytes=999999999-"})
    assert behind.error == (416, 1, "Unknown Error. The requested range is not satisfiable.")
    assert behind.headers["content-range"].startswith("bytes */")


def test_errors_of_the_framework_have_the_same_form(world: World) -> None:
    """404, 405, 413 and 500 are JSON of the same form, so that a client can read every answer."""
    client, base = world.client, f"{world.client.url}/api/v1/rawexport"
    for path in ("", "/", "/nothing", "/setjob/x"):
        assert send("POST", f"{base}{path}", b"{}").error[:2] == (404, 1), path
    for method, path in (("GET", "setjob"), ("PUT", "setjob/"), ("DELETE", "getprogress"), ("POST", "download")):
        refused = send(method, f"{base}/{path}", b"{}" if method != "GET" else None)
        assert refused.error == (405, 1, "Unknown Error. This path does not take this method."), path
        assert refused.headers["allow"]
    large = client.raw("setjob", b'{"a": "' + b"x" * (1 << 20) + b'"}')
    assert large.error[:2] == (413, 1)
    with patch.object(routes, "parse_job", side_effect=ArithmeticError("inside")):
        assert sent(world).error == (500, 1, "Unknown Error")


def test_a_wrong_token_is_in_no_log(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    """Error 11 repeats the token to whoever sent it; the log has neither that nor the token of a link."""
    looks: list[Callable[[], Answer]] = [
        lambda: world.of("tok_wrong_one").progress("exp_none"),
        lambda: send("GET", world.of("tok_wrong_one").link("exp_none")),
        lambda: send("GET", world.client.link("exp_none")),
    ]
    for look in looks:
        assert look().status >= 400
    told = "".join(capfd.readouterr())
    assert "tok_wrong_one" not in told
    assert world.client.token not in told
