"""Data Download: asked for, looked at, made and fetched, by forms alone."""

import csv
import gzip
import hashlib
import html
import io
import json
import os
import re
import shlex
import subprocess
import time
from datetime import timedelta
from typing import Any

import pytest

from tailrace.accounts.limits import set_limits
from tailrace.model.clock import DAY, day_name, iso
from tailrace.model.zones import day_in, midnight
from tests.contract.live import READ
from tests.contract.portal.conftest import ADMIN, WAIT_S, Portal, Visitor

NEW = "/portal/downloads/new"
PACIFIC = "America/Los_Angeles"
CODE = re.compile(r"<pre[^>]*><code>(curl.*?)</code>", re.DOTALL)
Fields = dict[str, str | list[str]]
ALL_DAYS: Fields = {"app": "app_waves", "period": "last_7"}


def saved(portal: Portal, form: Fields) -> tuple[Visitor, str]:
    """A visitor who has saved a request, and its id."""
    visitor = portal.visitor()
    visitor.get(NEW)
    visitor.send(NEW, form, 303)
    newest = re.findall(r'<tr id="(exp_\w+)"', visitor.page.text)[0]
    return visitor, newest


def test_what_is_downloaded_was_sent(portal: Portal) -> None:
    """A request for one event of one version becomes a file that holds just those events; the hash on the page is that
    of the bytes. The form shows each name and version with the number of events that were sent.
    """
    form: Fields = ALL_DAYS | {"events": ["Level Up"], "versions": ["1.1"], "columns": ["id", "event", "params"]}
    offered = portal.visitor()
    said = offered.get(f"{NEW}?app=app_waves")
    assert re.search(r"Level Up 12 .*Open 6 .*1\.0 9 .*1\.1 9", said), said
    visitor, id_ = saved(portal, form)
    said = portal.ended(visitor, id_)
    assert "Ready" in said
    (path,) = set(re.findall(rf'href="(/v1/exports/{id_}/files/[^"]+)"', visitor.page.text))
    content = visitor.http.get(path).content
    assert hashlib.sha256(content).hexdigest() in said
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(content).decode())))
    wanted = {r["id"] for r in portal.sent if r["event"] == "Level Up" and r["session"]["app_version"] == "1.1"}
    assert {row["id"] for row in rows} == wanted
    assert len(rows) == len(wanted) == 6
    assert list(rows[0]) == ["id", "event", "params"]


def test_looking_before_asking(portal: Portal) -> None:
    """Estimate and preview keep what the form holds, tell the number of events that were sent and their first rows, and
    ask for nothing.
    """
    visitor = portal.visitor()
    before = visitor.get("/portal/downloads").count("Re-run")
    visitor.get(NEW)
    form: Fields = ALL_DAYS | {"do": "preview", "format": "json", "events": ["Open"], "columns": ["id", "event"]}
    said = visitor.send(NEW, form)
    assert "Events 6 " in said
    cells = re.findall(r"<td>([^<]*)</td>", visitor.page.text)
    opened = {record["id"] for record in portal.sent if record["event"] == "Open"}
    assert set(cells) == {"Open", *opened}
    assert re.search(r'value="json" selected', visitor.page.text)
    assert re.search(r'value="Open" checked', visitor.page.text)
    said = visitor.send(NEW, form | {"do": "estimate"})
    assert "The first rows" not in said
    assert visitor.get("/portal/downloads").count("Re-run") == before


@pytest.mark.parametrize(
    ("first", "last", "limits", "sentence"),
    [
        (40, 2, {}, "A request covers at most 30 days"),
        (40, 2, {"portal.max_window_days": 10}, "A request covers at most 10 days"),
        (900, 890, {}, "A request may begin at most 731 days ago"),
        (1, 2, {}, "comes before the first day"),
        (29, 0, {"portal.max_window_days": 30}, ""),
    ],
)
def test_a_period_has_limits(portal: Portal, first: int, last: int, limits: dict[str, int], sentence: str) -> None:
    """A period that is too long or too old is refused with a sentence that tells the limit, and the form keeps the
    days; the longest that is allowed is granted.
    """
    with portal.house.database.write() as connection:
        set_limits(connection, {"portal.max_window_days": 30} | limits)
    days = {"first": day_name(portal.today - first), "last": day_name(portal.today - last)}
    visitor = portal.visitor()
    visitor.get(NEW)
    form = {"app": "app_waves", "period": "custom"} | days
    if not sentence:
        visitor.send(NEW, form, 303)
        return
    said = visitor.send(NEW, form, 422 if "request" in sentence else 400)
    assert sentence in said
    assert all(f'value="{day}"' in visitor.page.text for day in days.values())


def test_cancel_and_again(portal: Portal) -> None:
    """A request that waits is cancelled on the page, and one that has ended is made again; the audit tells of both."""
    window = {"axis": "event_time", "from": day_name(portal.today) + "T00:00:00Z"}
    window["to"] = day_name(portal.today + 1) + "T00:00:00Z"
    visitor = portal.visitor()
    body = {"app": "app_waves", "window": window, "wait_until_complete": True}
    id_ = visitor.http.post("/v1/exports", json=body, headers=READ).json()["id"]
    assert "Queued" in visitor.get(f"/portal/downloads/{id_}")
    assert 'http-equiv="refresh"' in visitor.page.text  # for browsers without scripts
    visitor.send(f"/portal/downloads/{id_}:cancel", {}, 303)
    assert "Cancelled" in portal.ended(visitor, id_)
    assert 'http-equiv="refresh"' not in visitor.page.text
    visitor.send(f"/portal/downloads/{id_}:rerun", {}, 303)
    newest = re.findall(r'<tr id="(exp_\w+)"', visitor.page.text)[0]
    assert newest != id_
    visitor.send(f"/portal/downloads/{newest}:cancel", {}, 303)
    said = visitor.get("/portal/admin/audit")
    assert f"{ADMIN[0]} asked to cancel an export" in said
    assert f"{ADMIN[0]} asked for an export again" in said


def test_every_dialect_asks_for_the_same(portal: Portal) -> None:
    """The commands on the page of a request, sent as they stand with a token, make requests of their dialects, which
    the table shows by their own numbers, with the same events in them.
    """
    visitor, id_ = saved(portal, ALL_DAYS | {"events": ["Level Up"], "versions": ["1.0"], "packing": "none"})
    portal.ended(visitor, id_)
    commands = [html.unescape(code) for code in CODE.findall(visitor.page.text)]
    assert len(commands) == 2
    made = []
    for command in commands:
        words = shlex.split(command.replace("\\\n", ""))
        answer = visitor.http.post(words[-1], content=words[words.index("-d") + 1], headers=READ)
        assert answer.is_success, answer.text
        made.append(answer.json())
    assert re.search(rf">{made[1]['data']['id']}</a>.*Flurry", visitor.http.get("/portal/downloads").text, re.DOTALL)
    asked = visitor.http.get(f"/v1/exports/{made[0]['id']}", headers=READ).json()["request"]
    assert asked == visitor.http.get(f"/v1/exports/{id_}", headers=READ).json()["request"]
    assert asked["window"]["from"] == f"{day_name(portal.today - 6)}T00:00:00.000Z"
    newest = re.findall(r'<tr id="(exp_\w+)"', visitor.http.get("/portal/downloads").text)[0]
    theirs = visitor.http.get(f"/v1/exports/{newest}", headers=READ)
    assert theirs.status_code == 200
    assert json.loads(theirs.text)["request"]["filters"]["events"] == ["Level Up"]
    assert json.loads(theirs.text)["request"]["filters"]["versions"] == ["1.0"]


def test_dialects_by_the_time_of_events_and_by_pacific_days(portal: Portal) -> None:
    """What only some dialects can ask for has the commands of those; a shell runs them as they stand, and both are
    taken.
    """
    visitor, today = portal.visitor(), day_in(portal.today * DAY, PACIFIC)
    events = {"axis": "event_time", "from": f"{day_name(portal.today - 7)}T00:00:00Z", "to": "2099-01-01T00:00:00Z"}
    first, end = (iso(midnight(today + timedelta(days=days), PACIFIC)) for days in (-7, 2))
    sessions = {"axis": "session_start", "from": first, "to": end}
    answers = []
    for window, format_, title in ((events, "csv", "devtodev"), (sessions, "json", "Leanplum")):
        asked = {"app": "app_waves", "window": window, "format": format_}
        id_ = visitor.http.post("/v1/exports", json=asked, headers=READ).json()["id"]
        visitor.get(f"/portal/downloads/{id_}")
        found = CODE.findall(visitor.page.text)
        (command,) = (html.unescape(one) for one in found if title in visitor.page.text and "/api" in one)
        answers.append(json.loads(run(command, TAILRACE_TOKEN="tok_ana", TAILRACE_EXPORT_KEY="ek_waves")))
    assert answers[0]["status_code"] == 200, answers
    assert answers[1]["response"][0]["success"] is True, answers


def test_the_bundles_of_a_period(portal: Portal) -> None:
    """A request of all events by their own time, as JSON, has the command that lists the bundles since its begin: with
    a token that is granted the app a shell runs it as it stands, and the first bundle is of the day of the first event.
    """
    visitor = portal.visitor()
    window = {"axis": "event_time", "from": f"{day_name(portal.today - 7)}T00:00:00Z", "to": "2099-01-01T00:00:00Z"}
    asked = {"app": "app_waves", "window": window, "format": "json"}
    ids = [
        visitor.http.post("/v1/exports", json=asked | more, headers=READ).json()["id"]
        for more in ({}, {"columns": ["event"]}, {"filters": {"events": ["Open"]}})
    ]
    shown = [visitor.http.get(f"/portal/downloads/{id_}").text for id_ in ids]
    assert ["<h3>FullStory</h3>" in page for page in shown] == [True, False, False]
    (command,) = (html.unescape(code) for code in CODE.findall(shown[0]) if "Basic" in code)
    token = visitor.http.post("/v1/tokens", json={"apps": ["app_waves"]}, headers=READ).json()["token"]
    bundles, deadline = list[Any](), time.monotonic() + WAIT_S
    while not bundles:
        assert time.monotonic() < deadline
        bundles = json.loads(run(command, TAILRACE_TOKEN=token)).get("exports", [])
        time.sleep(0.3)  # it may be called fifty times
    assert bundles[0]["Start"] == (portal.today - 3) * DAY // 1000
    assert [bundle["Start"] for bundle in bundles[1:]] == [bundle["Stop"] for bundle in bundles[:-1]]


def run(command: str, **environment: str) -> str:
    """What a command says in a shell."""
    told = subprocess.run(
        ["sh", "-c", command], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return told.stdout


def test_the_table_goes_on(portal: Portal) -> None:
    """More requests than a page holds are on the next one, each once; a filter by app and state shows just those."""
    visitor = portal.visitor()
    window = {"axis": "event_time", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    ids = {
        visitor.http.post("/v1/exports", json={"app": "app_tides", "window": window}, headers=READ).json()["id"]
        for _ in range(30)
    }
    assert len(ids) == 30
    seen: list[str] = []
    path: str | None = "/portal/downloads?app=app_tides"
    while path is not None:
        visitor.get(path)
        seen += re.findall(r'<tr id="(exp_\w+)"', visitor.page.text)
        more = re.search(r'<a href="([^"]+)">Older requests', visitor.page.text)
        path = html.unescape(more[1]) if more else None
    assert set(seen) == ids
    assert len(seen) == 30
    assert not re.findall(r'<tr id="', visitor.http.get("/portal/downloads?app=app_tides&state=failed").text)


def test_days_are_those_of_utc(portal: Portal) -> None:
    """A request for yesterday holds the sessions that began on that day in UTC, both ends included."""
    visitor, id_ = saved(portal, {"app": "app_waves", "period": "yesterday"})
    said = portal.ended(visitor, id_)
    yesterday = portal.today - 1
    mine = [r for r in portal.sent if r["time"][:10] == day_name(yesterday)]
    assert f"{len(mine)} rows" in said
    assert DAY == 24 * 3_600_000
