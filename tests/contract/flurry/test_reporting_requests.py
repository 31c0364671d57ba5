"""Requests of the Analytics Reporting API: how they come, what is refused, and how often one may ask."""

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tailrace.accounts.limits import set_limits
from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.surfaces.flurry.reporting import REPORTING
from tailrace.surfaces.flurry.reporting.clauses import clauses
from tailrace.web.failures import sample
from tailrace.wiring import House, provision
from tests.contract.flurry.visits import FROM, RECEIVED, Row
from tests.contract.live import READ, live
from tests.sending import event, seal, send

DATA = "/public/v1/data"
EVERY = {"metrics": "occurrences", "dateTime": "2026-03-01/2026-03-02"}
PAGE = Path(__file__).resolve().parents[3] / "docs" / "flurry-reporting.md"
MORE = """
[[spaces]]
id = "acme"
[[spaces.tokens]]
value = "tok_tides"
user = "ana@example.com"
apps = ["app_tides"]
scopes = ["exports.read"]
[[spaces.tokens]]
value = "tok_blind"
user = "ana@example.com"
scopes = ["apps.read"]
"""


@pytest.fixture
def backend() -> str:
    """Requests are read the same over both databases."""
    return "sqlite"


@pytest.fixture
def http(house: House, tmp_path: Path) -> Iterator[httpx.Client]:
    """A served store with an event in each app of two spaces, named after its app."""
    path = tmp_path / "more.toml"
    path.write_text(MORE)
    provision(house, read_provisioning(path))
    for app in ("app_waves", "app_tides", "app_other"):
        scope = scope_of_app(house.database, app)
        send(house, scope, [event(f"of {app}/[1];2|3", FROM)], at=RECEIVED)
        seal(house, scope)
    with live(house, lines=True) as client:
        yield client


def rows(answer: httpx.Response) -> list[Row]:
    assert answer.status_code == 200, answer.text
    found: list[Row] = answer.json()["rows"]
    return found


# What is refused

WRONG = [
    ("", {}, "path: must be data/{table}/{timeGrain}"),
    ("appUsage", {}, "path: must be"),
    ("appUsage/day//app", {}, "path: must be"),
    ("appusage/day", {}, "table: there is no table"),
    ("realtime/hour/app", {}, "table: realtime is not built"),
    ("appEvent/hour/app", {}, "grain: hour is not built"),
    ("appEvent/Day", {}, "grain: there is no grain"),
    ("appEvent/day/region", {}, "dimension: region is not built"),
    ("appUsage/day/event", {"metrics": "sessions"}, "dimension: event is not built"),
    ("appEvent/day/App", {}, "dimension: there is no dimension"),
    ("appEvent/day/app;show=size", {}, "attribute: there is no attribute"),
    ("appEvent/day/app;hide=id", {}, "show: after app"),
    ("appEvent/day/app;show=", {}, "show: after app"),
    ("appEvent/day", {"metrics": ""}, "metrics: is needed"),
    ("appEvent/day", {"metrics": "Occurrences"}, "metric: there is no metric"),
    ("appEvent/day", {"metrics": "eventDuration"}, "metric: eventDuration is not built"),
    ("appUsage/day", {"metrics": "occurrences"}, "metric: occurrences is not built"),
    ("appEvent/day", {"dateTime": ""}, "dateTime: is needed"),
    ("appEvent/day", {"dateTime": "2026-03-01"}, "dateTime: is needed"),
    ("appEvent/day", {"dateTime": "2026-03-01/2026-02-30"}, "dateTime: must have dates"),
    ("appEvent/day", {"dateTime": "2026-03-01T05/2026-03-02T05"}, "dateTime: must have dates"),
    ("appEvent/day", {"dateTime": "0000-01-01/9999-01-01"}, "dateTime: must have dates"),
    ("appEvent/day", {"dateTime": "2026-03-01/2026-03-01"}, "dateTime: must end after"),
    ("appEvent/week", {"dateTime": "2026-03-02/2026-03-10"}, "dateTime: is not aligned with the grain week"),
    ("appEvent/month", {"dateTime": "2026-03/2026-04-02"}, "dateTime: is not aligned with the grain month"),
    ("appEvent/day", {"dateTime": "1975-01/2075-01"}, "dateTime: has more than 20000 periods"),
    ("appEvent/day", {"timeZone": "America/Nowhere"}, "timeZone: must be the name"),
    ("appEvent/day", {"timeZone": "../UTC"}, "timeZone: must be the name"),
    ("appEvent/day", {"format": "xml"}, "format: there is no format"),
    ("appEvent/day", {"filters": "app"}, "filters: at letter 1"),
    ("appEvent/day", {"filters": "app|name-in[a"}, "filters: at letter 13"),
    ("appEvent/day", {"filters": "app|name-in[a]event|name-in[b]"}, "filters: at letter 15"),
    ("appEvent/day", {"filters": "app-in[a]"}, "filters: must be dimension|attribute-operator"),
    ("appEvent/day", {"filters": "app|name-is[a]"}, "operator: there is no operator"),
    ("appEvent/day", {"filters": "app|apiKey-startsWith[a]"}, "operator: startsWith is not built"),
    ("appEvent/day", {"filters": "app|platform|name-in[a]"}, "attribute: platform|name is not built"),
    ("appEvent/day", {"filters": "paramName|name-in[a]"}, "dimension: paramName is not built"),
    ("appEvent/day", {"sort": "sessions"}, "sort: must name metrics that are asked for"),
    ("appEvent/day", {"sort": "occurrences|up"}, "direction: there is no direction"),
    ("appEvent/day", {"topN": "3"}, "topN: needs a sort"),
    ("appEvent/day", {"topN": "0", "sort": "occurrences"}, "topN: must be a whole number"),
    ("appEvent/day", {"topN": "\u0663", "sort": "occurrences"}, "topN: must be a whole number"),
    ("appEvent/day", {"having": "occurrences[1]"}, "having: must be metric-operator"),
    ("appEvent/day", {"having": "sessions-gt[1]"}, "having: must name metrics"),
    ("appEvent/day", {"having": "occurrences-ge[1]"}, "operator: there is no operator"),
    ("appEvent/day", {"having": "occurrences-gt[many]"}, "having: must compare with numbers"),
    ("appEvent/day", {"having": "occurrences-gt[nan]"}, "having: must compare with numbers"),
    ("appEvent/day", {"perPage": "7"}, "perPage: there is no such key"),
]


def test_what_is_wrong_is_named(http: httpx.Client) -> None:
    """Each mistake is a 400 that names where it is and why; what the vendor has and this server has not is told from
    what nobody has, and nothing that was sent is repeated that is not one of our words.
    """
    for path, change, reason in WRONG:
        answer = http.get(f"{DATA}/{path}", params=EVERY | change, headers=READ)
        document = answer.json()
        assert (answer.status_code, document["status"], document["statusName"]) == (400, 400, "Bad Request"), path
        assert document["reason"].startswith(reason), (path, change, document)
        assert list(document) == ["status", "statusName", "reason", "description"]
    twice = http.get(f"{DATA}/appEvent/day?metrics=occurrences&metrics=sessions", headers=READ)
    assert twice.json()["reason"] == "metrics: is given twice"
    for path, reason in (("country", "dimension: country is not built"), ("x", "dimension: there is no dimension")):
        answer = http.get(f"/public/v1/dimensions/{path}/values", headers=READ)
        assert (answer.status_code, answer.json()["reason"].startswith(reason)) == (400, True)


def test_too_many_rows_are_refused(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the vendor's sentence; `topN` and `having` leave fewer, and then there is an answer."""
    monkeypatch.setattr("tailrace.surfaces.flurry.reporting.answer.MOST_ROWS", 1)
    refused = http.get(f"{DATA}/appEvent/day/app", params=EVERY, headers=READ)
    assert (refused.status_code, refused.json()["reason"]) == (400, "rows: Maximum number of rows [1] reached")
    fewer = {"topN": "1", "sort": "occurrences"}
    assert len(rows(http.get(f"{DATA}/appEvent/day/app", params=EVERY | fewer, headers=READ))) == 1


def test_every_error_has_the_form_of_this_api(http: httpx.Client) -> None:
    """No path, another method, no token, no right; and whatever the domain may raise."""
    for method, path, status in (("GET", f"{DATA[:-1]}", 404), ("POST", f"{DATA}/appUsage/day", 405)):
        answer = http.request(method, path, headers=READ)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
    blind = http.get(f"{DATA}/appEvent/day", params=EVERY, headers={"authorization": "Bearer tok_blind"})
    assert (blind.status_code, blind.json()["needs"]) == (403, "exports.read")
    for kind in REPORTING.errors:
        reply = REPORTING.reply(sample(kind))
        document = json.loads(bytes(reply.body))
        assert document.get("status", document.get("code")) == reply.status_code >= 400
        assert reply.media_type == "application/json"


def test_clauses_are_read() -> None:
    """Values stand as they are, without the space around them, or in quotes, with anything in them."""
    typographic = "\u2018United States\u2019,\u2018Canada\u2019,\u2019Mexico\u2019"
    for text, values in (
        ("a", ("a",)),
        (" a b , c ", ("a b", "c")),
        ("", ("",)),
        ("a,", ("a", "")),
        ('"a,b]","say ""hi""",""', ("a,b]", 'say "hi"', "")),
        ("'a, b',it's,'", ("a, b", "it's", "'")),
        (typographic, ("United States", "Canada", "Mexico")),
        ("[x", ("[x",)),
    ):
        assert list(clauses(f"d|name-in[{text}]", "filters")) == [("d|name-in", values)], text
        both = list(clauses(f"d|name-in[{text}] , m-gt[1]", "filters"))
        assert both == [("d|name-in", values), ("m-gt", ("1",))]
    assert list(clauses("", "having")) == []


# How requests come


def test_the_token_comes_in_header_or_query(http: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    """A header wins over the query; an empty token is none; the log has the request and neither token nor query."""
    path = f"{DATA}/appEvent/day/app"
    assert rows(http.get(path, params=EVERY | {"token": "tok_ana"}))
    assert rows(http.get(path, params=EVERY | {"token": "tok_no"}, headers=READ))
    for query, headers in (
        ({"token": "tok_no"}, {}),
        ({"token": ""}, {}),
        ({}, {}),
        ({"token": "tok_ana"}, {"authorization": "Bearer"}),
        ({"token": "wk_waves"}, {}),
    ):
        answer = http.get(path, params=EVERY | query, headers=headers)
        assert (answer.status_code, answer.content) == (401, b'{"code":401,"message":"Unauthorized"}')
    said = "".join(capfd.readouterr())
    assert "/public/v1/data" in said
    assert not [word for word in ("tok_ana", "tok_no", "dateTime", "occurrences") if word in said]


def test_raw_and_encoded_urls(http: httpx.Client) -> None:
    """`;`, `|`, `[`, `]`, `,` and `/` in path and query are the same raw and percent-encoded."""
    path, marks = "appEvent/day/app;show=id,name/event;show=all", "/;|[],="
    filters = 'app|name-in[Waves],event|name-in["of app_waves/[1];2|3"]'
    query = {"metrics": "occurrences", "dateTime": "2026-03-01/2026-03-02", "filters": filters}
    wanted = rows(http.get(f"{DATA}/{path}", params=query, headers=READ))
    assert [row["event|name"] for row in wanted] == ["of app_waves/[1];2|3"]
    for safe in ("", "/", ";=", marks):
        text = "&".join(f"{key}={quote(value, safe=safe)}" for key, value in query.items())
        asked = f"{DATA}/{quote(path, safe=safe)}?{text}"
        assert raw(http, asked) == wanted, asked
    assert raw(http, f"{DATA}/{path}/?{text}") == wanted


def raw(http: httpx.Client, url: str) -> list[Row]:
    """The rows for a URL that no client has tidied."""
    connection = HTTPConnection(http.base_url.host, http.base_url.port or 80, timeout=60)
    try:
        connection.putrequest("GET", url, skip_accept_encoding=True)
        for name, value in READ.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        found: list[Row] = json.loads(body)["rows"]
        return found
    finally:
        connection.close()


# Who may, and how often


def test_a_token_reports_on_its_own_apps(http: httpx.Client) -> None:
    """Apps of other spaces, and those that a token is not granted, are not there: not in rows, values or filters, and
    to name one is like naming nothing. Keys are shown to whoever may make them, and name apps for everybody.
    """
    for token, names in (("tok_ana", {"Waves", "Tides"}), ("tok_tides", {"Tides"}), ("tok_bob", {"app_other"})):
        headers = {"authorization": f"Bearer {token}"}
        found = rows(http.get(f"{DATA}/appEvent/day/app;show=all/event", params=EVERY, headers=headers))
        assert {row["app|name"] for row in found} == names
        assert len(found) == len(names)
        (every,) = rows(http.get(f"{DATA}/appEvent/all", params=EVERY, headers=headers))
        assert every["occurrences"] == len(names)
        events = rows(http.get("/public/v1/dimensions/event/values", headers=headers))
        assert len(events) == len(names)
        for hidden in ("Waves", "Nothing"):
            if hidden not in names:
                answer = http.get(f"{DATA}/appEvent/day", params=EVERY | {"filters": f"app|name-in[{hidden}]"},
                                  headers=headers)  # fmt: skip
                assert rows(answer) == []
    listed = {token: rows(http.get("/public/v1/dimensions/app/values", headers={"authorization": f"Bearer {token}"}))
              for token in ("tok_ana", "tok_tides")}  # fmt: skip
    assert {row["name"]: row["apiKey"] for row in listed["tok_ana"]} == {"Waves": "WAVESAPIKEY0000000001", "Tides": ""}
    assert [row["apiKey"] for row in listed["tok_tides"]] == [""]


def test_the_rate_limit(http: httpx.Client, house: House) -> None:
    """Each answer says how many requests are left, an error too; then there is 429 until some are given back. Another
    token has its own; without a limit there are no headers.
    """
    with house.database.write() as connection:
        set_limits(connection, {"reports.burst": 3, "reports.refill_per_minute": 0})
    answers = [
        http.get(f"{DATA}/{path}", params=EVERY, headers=READ) for path in ("appEvent/day", "x/y", "appEvent/day")
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 200]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2.0", "1.0", "0.0"]
    refused = http.get("/public/v1/dimensions/app/values", headers=READ)
    assert (refused.status_code, refused.json()["statusName"]) == (429, "Too Many Requests")
    assert int(refused.headers["retry-after"]) > 0
    for answer in (*answers, refused):
        assert answer.headers["x-ratelimit-limit"] == "3.0"
        assert answer.headers["x-ratelimit-refillpersecond"] == "0.0"
    other = http.get(f"{DATA}/appEvent/day", params=EVERY, headers={"authorization": "Bearer tok_tides"})
    assert other.headers["x-ratelimit-remaining"] == "2.0"
    with house.database.write() as connection:
        set_limits(connection, {"reports.burst": 0})
    free = http.get(f"{DATA}/appEvent/day", params=EVERY, headers=READ)
    assert free.status_code == 200
    assert not [name for name in free.headers if name.startswith("x-ratelimit")]


def test_the_page_names_tests_that_there_are() -> None:
    """The numbered table of the page: its numbers are in order, and each fact has a test of this folder or room."""
    found = re.findall(r"^\| (\d+) \| .+ \| `(test_\w+)` \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    root = PAGE.parents[1] / "tests"
    files = [*(root / "contract" / "flurry").glob("test_reporting*.py"), *(root / "unit" / "reports").glob("test_*.py")]
    there = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)}
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    assert len(found) > 20
    assert [name for _, name in found if name not in there] == []
