"""What Countly's SDKs send comes out again, once, in our words; what they hear lets them go on."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from threading import Thread
from typing import Any

import httpx
import pytest

from tailrace.model.access import Scope
from tailrace.model.clock import iso
from tailrace.store.deadletters import listing
from tailrace.wiring import House
from tests.conftest import TestClock, at
from tests.contract.live import live
from tests.relay import Relay
from tests.sdk import drive
from tests.sending import T0, export, request, seal

Row = dict[str, Any]

S = T0 // 1000
KEY = "wk_waves"
ENVELOPE = {"app_key": KEY, "device_id": "d1", "tz": "120", "hour": "5", "dow": "5", "sdk_name": "java-native-android"}
ENVELOPE |= {"sdk_version": "24.7.1", "av": "1.2.3"}
METRICS = {
    "_os": "Android",
    "_os_version": "14",
    "_device": "A1",
    "_device_type": "mobile",
    "_manufacturer": "Acme",
    "_resolution": "1080x2400",
    "_carrier": "Wire",
    "_app_version": "1.2.3",
    "_density": "XHDPI",
    "_locale": "de_DE",
    "_store": "com.example.store",
    "_browser": "Chrome",
    "_browser_version": "120",
    "mood": "calm",
}
DETAILS = {
    "name": "Ada",
    "username": "ada",
    "email": "ada@example.com",
    "organization": "Acme",
    "phone": "+49 1",
    "picture": "https://example.com/a.png",
    "gender": "F",
    "byear": 1990,
    "custom": {"plan": "pro", "visits": {"$inc": 1}},
}
# What the protocol gives each event of the session of d1; the dialects' columns are these fields.
SESSION = {
    "device_id": "d1",
    "session_start": iso(T0),
    "session_end": iso(T0 + 90_000),
    "session_duration_ms": 90_000,
    "fragment": 0,
    "app_version": "1.2.3",
    "sdk_name": "java-native-android",
    "sdk_version": "24.7.1",
    "platform": "android",
    "os_name": "Android",
    "os_version": "14",
    "device_manufacturer": "Acme",
    "device_model": "A1",
    "device_type": "mobile",
    "screen_resolution": "1080x2400",
    "browser_name": "Chrome",
    "browser_version": "120",
    "locale": "de_DE",
    "timezone_offset_ms": 7_200_000,
    "country": "DE",
    "city": "Berlin",
    "latitude": 52.5,
    "longitude": -13.25,
    "session_properties": {"_carrier": "Wire", "_density": "XHDPI", "mood": "calm", "campaign_user": "cu1"},
    "install_source": "com.example.store",
    "source_campaign": "spring",
    "user_name": "Ada",
    "user_email": "ada@example.com",
    "gender": "F",
    "birth_year": 1990,
    "profile": {
        "name": "Ada",
        "email": "ada@example.com",
        "phone": "+49 1",
        "photo": "https://example.com/a.png",
        "gender": "F",
        "birth_year": 1990,
        "attributes": {"username": "ada", "organization": "Acme", "plan": "pro"},
    },
}
# Fields that accept, seal and commit make for every protocol, and the two that a policy decides about.
MADE = frozenset(
    (
        *("id", "received_at", "session_id", "client_time", "sent_at", "flags", "session_offset_ms", "actor"),
        *("first_seen", "registered_at", "user_attributes", "until_first_ms", "session_user_id", "user_id"),
        *("prior_events", "prior_sessions", "prior_states", "prior_duration_ms", "ip", "user_agent"),
    )
)


@pytest.fixture
def backend() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


@pytest.fixture
def served(house: House) -> Iterator[tuple[House, httpx.Client]]:
    """A store whose clock stands two minutes after T0, and a client of it."""
    house = at(house, TestClock(T0 + 120_000))
    with live(house) as client:
        yield house, client


def exported(house: House, scope: Scope) -> Sequence[Row]:
    """All that was sealed, as an export shows it."""
    seal(house, scope)
    return export(house, scope, request(scope))[1]


def told(row: Row) -> Row:
    """A row without what does not come from the sender."""
    return {name: value for name, value in row.items() if name not in MADE}


def succeeded(*answers: httpx.Response) -> None:
    """Each was answered as the SDKs want it."""
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"result": "Success"})] * len(answers)


def test_what_the_documented_api_says_comes_out_field_by_field(
    served: tuple[House, httpx.Client], scope: Scope
) -> None:
    """Begin by GET, events as a form, user, crash and end as JSON: every event, and on each the session's device,
    version, place, gender, birth year and duration.
    """
    house, client = served
    events = [
        {"key": "Jumped", "count": 1, "sum": 1.5, "dur": 2.25, "timestamp": T0 + 1000, "hour": 5, "dow": 5}
        | {"segmentation": {"height": 3, "tag": "ü", "count": "of the app"}, "id": "e1", "cvid": "v1"},
        {"key": "Paid", "count": 3, "sum": "9.9", "timestamp": S + 2},
        {
            "key": "[CLY]_view",
            "segmentation": {"name": "Home", "visit": 1, "segment": "Android"},
            "timestamp": T0 + 3000,
        },
        {"key": "[CLY]_view", "segmentation": {"name": "Home"}, "dur": 4, "timestamp": T0 + 7000},
    ]
    crash = {"_os": "Android", "_name": "NullPointer", "_error": "at x\nat y", "_nonfatal": True}
    begin = {"begin_session": "1", "metrics": json.dumps(METRICS), "country_code": "de", "city": "Berlin"}
    place = {"location": "52.5,-13.25", "ip_address": "198.51.100.7", "campaign_id": "spring", "campaign_user": "cu1"}
    user = {"user_details": json.dumps(DETAILS), "timestamp": T0 + 8000, "rr": "2"}
    json_body = {
        "crash": crash,
        "apm": {"type": "network", "name": "/api", "stz": 10, "etz": 260},
        "timestamp": T0 + 9000,
    }
    end = {"end_session": 1, "session_duration": 30, "timestamp": T0 + 90_000, "consent": {"events": True}}
    succeeded(
        client.get("/i", params=ENVELOPE | begin | place | {"timestamp": str(T0)}),
        client.post("/i", data=ENVELOPE | {"events": json.dumps(events), "timestamp": str(T0 + 7500)}),
        client.post("/i", data=ENVELOPE | user),
        client.post("/i", json=ENVELOPE | json_body),
        client.post("/i/", json=ENVELOPE | {"session_duration": "60", "timestamp": T0 + 60_000}),
        client.post("/i", json=ENVELOPE | end),
    )
    rows = exported(house, scope)
    assert {row["ip"].rpartition(".")[0] for row in rows} == {"198.51.100"}  # how much of it is kept is a policy

    def expected(event: str, after: int, **more: Any) -> Row:
        return SESSION | {"event": event, "time": iso(T0 + after)} | more

    jumped = {"height": 3, "tag": "ü", "count": "of the app", "_id": "e1", "_cvid": "v1"}
    assert list(map(told, rows)) == [
        expected("Session Started", 0, kind="standard"),
        expected("Jumped", 1000, value=1.5, duration_ms=2250, params=jumped),
        expected("Paid", (S + 2) * 1000 - T0, value=9.9, params={"_count": 3}),
        expected("Home", 3000, kind="screen", params={"name": "Home", "visit": 1, "segment": "Android"}),
        expected("[CLY]_view", 7000, duration_ms=4000, state="Home", params={"name": "Home"}),
        expected("identify", 8000, kind="identify", params=DETAILS),
        expected("[CLY]_crash", 9000, kind="error", info="NullPointer", params=crash),
        expected("[CLY]_apm_network", 9000, info="/api", duration_ms=250, params=json_body["apm"]),
        expected("Session Active", 60_000, kind="standard", duration_ms=60_000),
        expected("[CLY]_consent", 90_000, params={"events": True}),
        expected("Session Active", 90_000, kind="standard", duration_ms=30_000),
    ]


def test_a_request_says_what_it_means_alone(served: tuple[House, httpx.Client], scope: Scope) -> None:
    """A whole session in one request lasts as long as it says; a merge is an alias; news of the device without
    anything else are an event; an ended session stays ended; the sender's address counts where a session begins, and
    not for who does not want to be located.
    """
    house, client = served
    whole = {"begin_session": 1, "session_duration": 30, "end_session": 1, "timestamp": T0 + 30_000, "location": ""}
    succeeded(
        client.post("/i", json=ENVELOPE | whole),
        client.get("/i", params=ENVELOPE | {"end_session": "1", "timestamp": str(T0 + 40_000)}),
        client.get("/i", params=ENVELOPE | {"device_id": "d2", "old_device_id": "d1", "timestamp": str(S)}),
        client.get("/i", params=ENVELOPE | {"device_id": "d3", "metrics": '{"_os":"iOS"}', "timestamp": str(T0)}),
        client.get("/i", params=ENVELOPE | {"device_id": "d4", "timestamp": str(T0)}),
        client.post("/i", json=ENVELOPE | {"device_id": "d5", "begin_session": True, "timestamp": float(T0)}),
    )
    rows = exported(house, scope)
    lengths = [(r["event"], r["time"], r["session_duration_ms"]) for r in rows if r["device_id"] == "d1"]
    assert lengths == [
        ("Session Started", iso(T0), 30_000),
        ("Session Active", iso(T0 + 30_000), 30_000),
        ("Session Active", iso(T0 + 40_000), 0),
    ]
    assert {row["device_id"] for row in rows if "ip" in row} == {"d5"}
    others = {row["device_id"]: row for row in rows if row["device_id"] != "d1"}
    alias = others["d2"]
    assert (alias["kind"], alias["params"], alias["time"]) == ("alias", {"previous_id": "d1"}, iso(S * 1000))
    update = others["d3"]
    assert (update["event"], update["kind"], update["platform"]) == ("User Updated", "standard", "ios")
    assert set(others) == {"d2", "d3", "d5"}  # who says nothing is no event


def test_a_resend_is_stored_once_and_what_happens_twice_twice(served: tuple[House, httpx.Client], scope: Scope) -> None:
    """What a resend says otherwise (how many still wait, checksums), its way and its company change nothing. The same
    event twice in a request, or the same request twice in a bulk, are two; so is what says no time.
    """
    house, client = served
    twice = {"key": "Twice", "count": 1, "timestamp": T0}
    once = ENVELOPE | {"events": json.dumps([twice, twice]), "timestamp": str(T0)}
    text = "&".join(f"{name}={value}" for name, value in once.items())
    sums = {"checksum256": hashlib.sha256(text.encode()).hexdigest(), "no_redirect": "1"}
    own = ENVELOPE | {"device_id": "d2", "session_duration": 5, "timestamp": S}
    other = {"device_id": "d3", "session_duration": 5, "timestamp": S}
    timeless = ENVELOPE | {"device_id": "d4", "session_duration": 5}
    succeeded(
        client.get("/i", params=once | {"rr": "3"}),
        client.post("/i", data=once | {"rr": "0"} | sums),
        client.post("/i/bulk", json={"app_key": KEY, "requests": [own, other, other]}),
        client.post("/i/bulk", data={"app_key": KEY, "requests": json.dumps([other, once, other])}),
        client.post("/i", json=own | {"rr": 1}),
        client.post("/i", json=timeless),
        client.post("/i", json=timeless),
    )
    assert Counter(row["device_id"] for row in exported(house, scope)) == {"d1": 2, "d2": 1, "d3": 2, "d4": 2}


def test_what_is_bad_spoils_nothing_and_keeps_no_key(served: tuple[House, httpx.Client], scope: Scope) -> None:
    """Bad events and bad requests of a bulk are dead letters with their reasons, the rest is stored, and no key is in
    a letter; what cannot be read of common members is kept as it came.
    """
    house, client = served
    good = {"key": "Good", "timestamp": T0}
    bad = ENVELOPE | {"events": json.dumps([good, {"count": 1}, 7, {"key": "x", "timestamp": "soon"}]), "timestamp": S}
    half = ENVELOPE | {"events": f'[{json.dumps(good)}, {{"key": "\\ud800"}}]', "timestamp": S + 1, "metrics": "none"}
    cut = ENVELOPE | {"events": '[{"key": "Go', "timestamp": S + 2, "tz": "west", "country_code": "Germany"}
    foreign = {"app_key": "wk_tides", "device_id": "d9", "events": [good]}
    nobody = {"session_duration": 5, "timestamp": S}
    bulk = (
        f'[{json.dumps(foreign)}, 5, {{"app_key": "{KEY}", x}}, {json.dumps(nobody)}, {json.dumps(own := dict(bad))}]'
    )
    del own["events"]
    succeeded(
        client.post("/i", data=bad),
        client.post("/i", data=half),
        client.post("/i", data=cut | {"session_duration": "long"}),
        client.post("/i/bulk", data={"app_key": KEY, "requests": bulk}),
    )
    letters = [buried.letter for buried in listing(house.database, scope)]
    expected = {
        "event: a name is needed": 2,
        "event: not a JSON object": 3,
        "timestamp: not a number of seconds or milliseconds since 1970": 2,
        "app_key: another one than that of the bulk": 1,
        "request: not a JSON object": 2,
        "no identity: give device_id or user_id": 1,
    }
    assert sum(expected.values()) == 11
    assert [letter for letter in letters if b"wk_" in letter.raw or "wk_" in letter.context] == []
    rows = exported(house, scope)
    assert Counter(letter.reason for letter in letters) == expected
    assert Counter(row["event"] for row in rows) == {"Good": 3, "Session Active": 1, "\ufffd": 1}
    (active,) = (row for row in rows if row["event"] == "Session Active")
    assert active["params"] == {"session_duration": "long"}
    assert active["session_properties"].items() >= {"tz": "west", "country_code": "Germany", "metrics": "none"}.items()


MISSING = 'Missing parameter "app_key" or "device_id"'
REFUSED: Mapping[str, tuple[str, Any, str | None]] = {
    "no key": ("/i", {"device_id": "d1"}, MISSING),
    "no device": ("/i", {"app_key": KEY, "session_duration": 1}, MISSING),
    "empty device": ("/i", {"app_key": KEY, "device_id": ""}, MISSING),
    "no requests": ("/i/bulk", {"app_key": KEY}, 'Missing parameter "requests"'),
    "requests that are none": ("/i/bulk", {"app_key": KEY, "requests": {"a": 1}}, None),
    "requests cut": ("/i/bulk", {"app_key": KEY, "requests": '[{"device_id"'}, None),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_taken_is_a_bad_request(served: tuple[House, httpx.Client], why: str) -> None:
    """400 with a `result`, as the SDKs' own server answers."""
    path, body, result = REFUSED[why]
    answer = served[1].post(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["result"] == result or (result is None and answer.json()["result"])


def test_a_key_of_no_app_is_refused(served: tuple[House, httpx.Client]) -> None:
    """401, also in a bulk whose first request names it."""
    one = {"app_key": "wk_none", "device_id": "d1"}
    answers = [served[1].get("/i", params=one), served[1].post("/i/bulk", json={"requests": [one]})]
    assert [(a.status_code, a.json()) for a in answers] == [(401, {"result": "App does not exist"})] * 2


@pytest.mark.parametrize("body", [b"{", b'{"app_key": "wk_waves"', b"\xff\xfe", b"--x\r\n", b"&".join([b"a=1"] * 1001)])
def test_a_body_that_cannot_be_read_is_a_bad_request(served: tuple[House, httpx.Client], body: bytes) -> None:
    """Whatever it calls itself."""
    for path in ("/i", "/i/bulk"):
        answer = served[1].post(path, content=body, params={"app_key": KEY})
        assert (answer.status_code, list(answer.json())) == (400, ["result"])


def test_what_sdks_ask_besides_has_an_answer(served: tuple[House, httpx.Client]) -> None:
    """Nothing is configured, and there are no widgets."""
    asked = {"app_key": KEY, "device_id": "d1"}
    methods = ("fetch_remote_config", "rc", "sc", "feedback")
    answers = [served[1].get("/o/sdk", params=asked | {"method": method}) for method in methods]
    assert [(a.status_code, a.json()) for a in answers] == [(200, {})] * 3 + [(200, {"result": []})]


def test_the_sdk_for_node_sends_each_thing_once_though_an_answer_is_lost(house: House, scope: Scope) -> None:
    """The real SDK, unmodified: its first answer is cut after the commit, so it sends that request again. What it says
    that it sent is exported, no more and no less, in the session of its device.
    """
    with live(house) as client, Relay(client.base_url.port or 0) as relay:
        relay.stop_at = 1
        Thread(target=_mend, args=(relay,), daemon=True).start()
        said = drive("countly.mjs", f"http://127.0.0.1:{relay.port}")
    by_call = {one["call"]: one for one in said}
    spent = by_call["spent"]
    assert spent["started"] > spent["queued"]  # something was sent again
    rows = exported(house, scope)
    mine = [row for row in rows if row["device_id"] == "sdk-1"]
    jumped, paid, plain = (one for one in said if one["call"] == "event")
    home = {"name": "Home", "segment": by_call["view"]["segment"]}
    user = {name: value for name, value in by_call["user"].items() if name != "call"}
    trace = {name: value for name, value in by_call["trace"].items() if name != "call"}
    shown = {row["event"]: row for row in mine}
    assert Counter(row["event"] for row in mine) == {
        **{"Session Started": 1, "Jumped": 1, "Paid": 1, "Plain": 1, "Home": 1, "[CLY]_view": 1, "identify": 2},
        **{"User Updated": 1, "[CLY]_crash": 1, "[CLY]_apm_network": 1, "Session Active": 2},
    }
    assert [shown["Jumped"].get(name) for name in ("value", "duration_ms", "params")] == [
        *(jumped["sum"], jumped["dur"] * 1000, jumped["segmentation"])
    ]
    assert (shown["Paid"]["value"], shown["Paid"]["params"]) == (paid["sum"], paid["segmentation"] | {"_count": 3})
    assert plain["key"] == "Plain"
    assert "params" not in shown["Plain"]
    assert shown["Home"]["params"] == home | {"visit": 1} | by_call["view"]["segments"]
    assert shown["[CLY]_view"]["params"] == home
    assert [row["params"] for row in mine if row["event"] == "identify"] == [
        user,
        {"custom": by_call["custom"]["custom"]},
    ]
    assert shown["[CLY]_crash"]["params"]["_error"] == by_call["crash"]["stack"]
    assert shown["[CLY]_apm_network"]["params"].items() >= trace.items()
    assert sorted(row["duration_ms"] for row in mine if row["event"] == "Session Active") == [7000, 42_000]
    assert all(iso(spent["from"]) <= row["time"] <= iso(spent["to"]) for row in mine)
    assert len({row["session_id"] for row in mine}) == 1
    for name, value in {
        **{"gender": user["gender"], "birth_year": user["byear"], "user_name": user["name"], "country": "DE"},
        **{"city": "Berlin", "device_model": "A1", "device_manufacturer": "Acme", "app_version": "1.2.3"},
        **{"os_name": "Android", "os_version": "14", "screen_resolution": "1080x2400", "locale": "de_DE"},
        **{"install_source": "com.example.store", "source_campaign": "spring", "sdk_name": "javascript_native_nodejs"},
    }.items():
        assert {row.get(name) for row in mine} == {value}, name
    (alias,) = (row for row in rows if row["device_id"] == "sdk-2")
    assert (alias["kind"], alias["params"]) == ("alias", {"previous_id": "sdk-1"})
    assert by_call["configured"] == {"call": "configured", "error": False, "found": {}}
    _check_bulk([row for row in rows if row["device_id"] == "bulk-1"], by_call["bulk"]["at"] * 1000)


def _mend(relay: Relay) -> None:
    """Let all further answers through once one was cut."""
    relay.stopped.wait()
    relay.stop_at = None


def _check_bulk(rows: Sequence[Row], begun: int) -> None:
    """The session of 90 s whose start the driver gave, its heartbeats a minute apart as the SDK makes them."""
    assert [(row["event"], row["time"], row.get("value"), row.get("duration_ms")) for row in rows] == [
        ("Session Started", iso(begun), None, None),
        ("Old", iso(begun + 5000), 2.0, None),
        ("Old", iso(begun + 5000), 2.0, None),
        ("Lobby", iso(begun + 20_000), None, 12_000),
        ("Session Active", iso(begun + 60_000), None, 60_000),
        ("Session Active", iso(begun + 120_000), None, 30_000),
    ]
    found = [{row[name] for row in rows} for name in ("app_version", "country", "city", "device_model")]
    assert found == [{"2.0"}, {"FR"}, {"Paris"}, {"A1"}]
