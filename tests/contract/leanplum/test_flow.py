"""The document's walk: ask, poll, fetch; in both formats, with what was sent coming out."""

import json
import urllib.parse
from typing import Any

import pytest

from tests.contract.leanplum.client import CSV_COLUMNS, Row, file, send, sessions
from tests.contract.leanplum.conftest import HOUR, NOON, TODAY, World
from tests.contract.leanplum.telling import expected, some_records, told
from tests.sending import event

T = NOON - HOUR

ABOUT = {
    "country": "DE", "region": "BE", "city": "Berlin", "latitude": 52.5, "longitude": -13.40925, "locale": "de_DE",
    "timezone": "Europe/Berlin", "timezone_offset_ms": -25_200_000, "app_version": "1.2", "platform": "ios",
    "sdk_version": "6.0", "os_name": "iOS", "os_version": "19.1", "device_model": "iPhone 17", "browser_name": "Safari",
    "browser_version": "19", "source_publisher_id": "p1", "source_publisher": "P", "source_sub_publisher": "SP",
    "source_site": "site", "source_campaign": "c", "source_ad_group": "g", "source_ad": "ad",
    "experiments": [{"id": 5, "variant_id": 7, "impressed": True}, {"id": "12", "variant_id": "34"}],
}  # fmt: skip
SESSION = {
    "isSession": True, "isDeveloper": True, "userId": "u1", "deviceId": "d1",
    "time": T / 1000, "duration": 2.5, "firstRun": T / 1000, "priorTimeSpentInApp": 0.0,
    "priorEvents": 0, "priorSessions": 0, "priorStates": 0,
    "country": "DE", "region": "BE", "city": "Berlin", "lat": "52.5", "lon": "-13.40925", "locale": "de_DE",
    "timezone": "Europe/Berlin", "timezoneOffsetSeconds": -25_200, "appVersion": "1.2", "client": "ios",
    "sdkVersion": "6.0", "systemName": "iOS", "systemVersion": "19.1", "deviceModel": "iPhone 17",
    "browserName": "Safari", "browserVersion": "19", "sourcePublisherId": "p1", "sourcePublisher": "P",
    "sourceSubPublisher": "SP", "sourceSite": "site", "sourceCampaign": "c", "sourceAdGroup": "g", "sourceAd": "ad",
    "userAttributes": {"plan": "free", "n": "7", "vip": "true"},
    "experiments": [{"id": 5, "variantId": 7, "impressed": True}, {"id": 12, "variantId": 34}],
}  # fmt: skip
# Names that the tables of CSV have for what JSON calls otherwise.
RENAMED = {
    "firstRun": "userStart", "time": "start", "timezoneOffsetSeconds": "timezoneOffset", "systemName": "osName",
    "systemVersion": "osVersion",
}  # fmt: skip


def fill(world: World) -> None:
    """A session of which all is known, and a later one of the same user in which nothing is said."""
    attributes = {"profile": {"attributes": {"plan": "free", "n": 7, "vip": True}}}
    start = event("Home", T, id="h", kind="state", duration_ms=1500, info="door", user_id="u1", is_tester=True,
                  params={"p": 1}) | {"session": ABOUT} | attributes  # fmt: skip
    tap = event("tap", T + 2500, id="t", state_id="h", value=2.5, info="left", params={"k": "v", "n": 1}, user_id="u1")
    world.take_in(start, tap)
    world.take_in(event("x", T + HOUR // 2, id="x", session="s2"))


def test_the_whole_flow_in_json(world: World) -> None:
    """A client gets a line per session with all that was sent: numbers for times, texts for the session's id and its
    place, attributes as texts, states with their events, experiments, what was before; nothing that nobody said.
    """
    fill(world)
    first, second = sorted(world.client.fetch(TODAY), key=lambda session: session["time"])
    (state,) = first["states"]
    (shown,) = state.pop("events")
    assert first["sessionId"].isdigit()
    assert {key: value for key, value in first.items() if key not in ("sessionId", "userBucket", "states")} == SESSION
    assert state.pop("stateId") in range(-(1 << 63), 1 << 63)
    assert state == {
        "name": "Home", "time": T / 1000, "duration": 1.5, "info": "door", "timeUntilFirstForUser": 0.0,
        "parameters": {"p": 1},
    }  # fmt: skip
    assert isinstance(shown.pop("eventId"), int)
    assert shown == {
        "name": "tap", "time": T / 1000 + 2.5, "value": 2.5, "info": "left", "timeUntilFirstForUser": 2.5,
        "parameters": {"k": "v", "n": 1},
    }  # fmt: skip
    assert (second["priorSessions"], second["priorEvents"], second["priorStates"]) == (1, 2, 1)
    assert (second["priorTimeSpentInApp"], second["isDeveloper"]) == (2.5, False)
    assert "country" not in second
    assert [list(one) for one in second["states"]] == [["stateId", "events"]]
    assert second["states"][0]["events"][0]["value"] == 0.0
    assert 0 <= first["userBucket"] == second["userBucket"] < 1000


def test_the_same_rows_in_both_formats(world: World) -> None:
    """Whatever was sent: JSON tells of each session the states and events that plain Python finds, and the six tables
    of CSV hold the same rows as the JSON of the same days, value by value.
    """
    records = some_records(NOON - 8 * HOUR)
    world.take_in(*records)
    fill(world)
    whole = world.client.fetch(TODAY)
    assert told([one for one in whole if one["deviceId"] != "d1"]) == expected(records)
    assert len(whole) == 40 + 2
    assert flat(whole) == {name: sorted(map(cells, rows)) for name, rows in world.client.tables(TODAY).items()}


def cells(row: Row) -> tuple[tuple[str, str], ...]:
    """A row of CSV without what has no value."""
    return tuple(sorted((name, text) for name, text in row.items() if text))


def flat(whole: list[Row]) -> dict[str, list[tuple[tuple[str, str], ...]]]:
    """Sessions as rows of the six tables."""
    found: dict[str, list[Row]] = {name: [] for name in CSV_COLUMNS}
    for session in whole:
        mine = {"sessionId": session["sessionId"]}
        lists = ("states", "experiments", "userAttributes")
        found["sessions"].append({RENAMED.get(k, k): v for k, v in session.items() if k not in lists})
        found["userattributes"] += [mine | {"name": k, "value": v} for k, v in session["userAttributes"].items()]
        found["experiments"] += [
            mine | {"experimentId": one["id"], "variantId": one["variantId"]} for one in session["experiments"]
        ]
        for state in session["states"]:
            found["states"].append(mine | named(state, "stateName"))
            found["eventparameters"] += parameters(state, "stateId")
            for one in state["events"]:
                found["events"].append(mine | {"stateId": state["stateId"]} | named(one, "eventName"))
                found["eventparameters"] += parameters(one, "eventId")
    return {name: sorted(cells({k: text(v) for k, v in row.items()}) for row in rows) for name, rows in found.items()}


def named(shown: Row, name: str) -> Row:
    """A state or event under the names of its table."""
    renamed = {"name": name, "time": "start"}
    return {renamed.get(k, k): v for k, v in shown.items() if k not in ("events", "parameters")}


def parameters(shown: Row, key: str) -> list[Row]:
    """Parameters as rows."""
    found = shown.get("parameters") or {}
    return [{"eventId": shown[key], "name": k, "value": v} for k, v in found.items()]


def text(value: Any) -> str:
    """A value as a cell; null is none, and lists and objects are the JSON that was sent."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def test_an_empty_table_is_a_header(world: World) -> None:
    """All six files of CSV are there whatever a day held, those without rows with their header alone, exactly."""
    world.take_in(event("x", T))
    done = world.client.wait(world.client.export(TODAY, exportFormat="csv"))
    held = {url.rpartition("output")[2].rpartition("-")[0]: file(url).decode() for url in done["files"]}
    assert {name: text.partition("\r\n")[0] for name, text in held.items()} == CSV_COLUMNS
    assert [name for name, text in held.items() if text.count("\n") == 1] == [
        "eventparameters", "userattributes", "experiments",
    ]  # fmt: skip


def test_what_a_finished_job_tells(world: World) -> None:
    """The state, the number of sessions, the bytes of the files as they are served, and their URLs; in the envelope and
    with the headers that were recorded.
    """
    fill(world)
    asked = world.client.call("exportData", startDate=TODAY, exportFormat="csv")
    assert json.loads(asked.body) == {"response": [{"jobId": asked.first["jobId"], "success": True}]}
    assert (asked.headers["content-type"], asked.headers["access-control-allow-origin"]) == (
        "application/json;charset=utf-8", "*",
    )  # fmt: skip
    assert asked.headers["cache-control"] == "private"
    done = world.client.wait(asked.first["jobId"])
    assert set(done) == {"jobId", "success", "state", "numSessions", "numBytes", "files"}
    assert (done["state"], done["numSessions"], len(done["files"])) == ("FINISHED", 2, 6)
    assert done["numBytes"] == sum(len(file(url)) for url in done["files"])
    app, number = asked.first["jobId"].removeprefix("export_").split("_")
    assert app.isdigit()
    assert 0 < int(number) < 1 << 63


FORM = "application/x-www-form-urlencoded"


def test_every_way_to_send_arguments(world: World) -> None:
    """GET and POST; in the query, a form, JSON, or split between the two; with an empty body; with names that nobody
    knows, without `apiVersion`, with any content type: each makes the same export.
    """
    fill(world)
    base, every = f"{world.client.url}/api", world.client.arguments("exportData") | {"startDate": TODAY}
    query = urllib.parse.urlencode
    bare = {key: value for key, value in every.items() if key != "apiVersion"}
    rest = {key: value for key, value in every.items() if key != "action"}
    ways = [
        send("GET", f"{base}?{query(every)}"),
        send("GET", f"{base}?{query(every | {'devMode': 'false', 'endData': TODAY})}"),
        send("GET", f"{base}?{query(bare | {'endDate': '', 'startTime': ' '})}"),
        send("POST", f"{base}?{query(every)}", b""),
        send("POST", f"{base}?action=exportData", query(rest).encode(), {"content-type": FORM}),
        send("POST", base, query(every).encode(), {"content-type": "text/plain"}),
        send("POST", base, json.dumps(every | {"startDate": int(TODAY), "x": [1], "y": None}).encode()),
        send("POST", f"{base}?appId={world.client.app}", b" \n" + json.dumps(every).encode(), {"content-type": FORM}),
    ]
    for answer in ways:
        assert answer.status == 200, answer.body
        assert [one["deviceId"] for one in sessions(world.client.wait(answer.first["jobId"]))] == ["d1", "d1"]
    posted = send("POST", f"{base}?action=getExportResults", query(rest | {"jobId": ways[0].first["jobId"]}).encode())
    assert posted.first["state"] == "FINISHED"


@pytest.mark.parametrize(
    ("state", "shown"),
    [("queued", "PENDING"), ("running", "RUNNING"), ("failed", "FAILED"), ("cancelled", "FAILED")],
)
def test_states(world: World, state: str, shown: str) -> None:
    """What has no result has its state, and nothing else but the job's id and that it was understood."""
    world.take_in(event("x", T))
    job = world.client.export(TODAY)
    world.client.wait(job)
    world.rewrite(state=state, expires_at=None)
    assert world.client.results(job) == {"jobId": job, "success": True, "state": shown}
