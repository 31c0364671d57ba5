"""What PostHog's SDKs send, new and old, as they send it, comes out as it was meant; answers end tries."""

import base64
import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest

from tailrace.ingest.protocols.base import Sent
from tailrace.ingest.protocols.posthog import POSTHOG
from tailrace.model.access import Scope
from tailrace.store.deadletters import find, listing
from tailrace.wiring import House
from tests.contract.live import live
from tests.sdk import drive
from tests.sending import T0, Row, export, request, seal

WHEN = "2026-01-02T03:04:05.678Z"
# `[{"event":"Größe 😀","properties":{"token":"wk_waves","distinct_id":"d1","n":1,"list":[1, … 24 times]}}]` as the
# packer of old web pages writes it.
PACKED = (
    "NobwRApgbhB2AuYBcYDiAnAbwfYgAkF4NwAD2wAaMAB3QHsKJ14BLCAZ2XHmoGs5kwB3LgH1+AQxhtyAE0YsmsAMbwhjKXykBGMmFjIN5ADazESYPvO"
    "kLVyzet3bDqwF0Avi6dA="
)


@pytest.fixture
def backend() -> str:
    """What is read and answered does not depend on the database."""
    return "sqlite"


def kept(house: House, scope: Scope) -> list[Row]:
    """Every event of the app, sealed and exported."""
    seal(house, scope)
    return export(house, scope, request(scope))[1]


def has(row: Row, wanted: Row) -> bool:
    """Whether a row holds these values; one that is None must not be there."""
    return {name: row.get(name) for name in wanted} == wanted


def told(call: Row) -> Row:
    """What a call of an SDK must come out as; of its parameters those that the call itself gave."""
    match call["call"]:
        case "capture":
            page = call["properties"].pop("$current_url", None)
            system, session = call["properties"].pop("$os", "Linux"), call["properties"].pop("$session_id", "s1")
            money = {"amount": call["properties"].get("revenue"), "currency": call["properties"].get("currency")}
            more = {"event": "Jumped", "time": WHEN, "session_id": session, "os_name": system, "page_url": page} | money
            return more | {"params": call["properties"], "user_id": "u1"}
        case "set" | "identify":
            profile = {"email": "u1@example.com", "attributes": {"plan": "pro"}}
            given = {"profile": profile, "user_email": "u1@example.com", "params": {"$set": call["properties"]}}
            return given | {"kind": "identify", "user_id": "u1", "device_id": call.get("device_id")}
        case "set_once":
            return {"kind": "identify", "user_id": "u1", "params": {"$set_once": call["properties"]}}
        case "alias":
            return {"kind": "alias", "user_id": call["user_id"], "params": {"previous_id": call["alias"]}}
        case "group_identify" | "groupIdentify":
            group = {"$group_type": "company", "$group_key": "acme", "$group_set": {"employees": 7}}
            return {"kind": "group", "user_id": call["user_id"], "params": group}
        case _:
            return {"event": call["event"], "user_id": None, "params": {}}


@pytest.mark.parametrize("driver", [("posthog.py", "v0"), ("posthog.py", "v1"), ("posthog.mjs",)])
def test_what_an_sdk_sent_is_what_comes_out(house: House, scope: Scope, driver: tuple[str, ...]) -> None:
    """Every call of the SDK is one event with what the program gave; nothing was refused or sent in vain."""
    name, *mode = driver
    with live(house) as client:
        calls = drive(name, str(client.base_url).rstrip("/"), "wk_waves", *mode)
    rows = kept(house, scope)
    assert len(rows) == len(calls)
    for call in calls:
        wanted = told(call)
        found = [row for row in rows if has(row, {k: v for k, v in wanted.items() if k != "params"})]
        assert any(row["params"] | wanted["params"] == row["params"] for row in found), (call, rows)
        assert "id" not in call or call["id"] in {row["id"] for row in found}
        assert all(row["sdk_name"] in ("posthog-python", "posthog-node") and row["is_background"] for row in found)
        assert all("ip" not in row for row in found), "a server's address is no user's"


def test_every_wrapping_that_sdks_ever_used_is_read(house: House, scope: Scope) -> None:
    """Plain, packed, as a form, in base64, in the query, with and without a batch: each by its content alone, and the
    key of the app is left nowhere.
    """

    def event(way: str) -> Row:
        return {"event": way, "timestamp": WHEN, "properties": {"token": "wk_waves", "distinct_id": "d1"}}

    def text(value: Any) -> bytes:
        return json.dumps(value).encode()

    def form(way: str) -> str:
        return quote(base64.b64encode(text(event(way))).decode())

    around = {"api_key": "wk_waves", "sent_at": WHEN}
    plain = {"event": "plain", "distinct_id": "d1", "properties": {}}
    posts: list[tuple[str, bytes]] = [
        ("/capture/", text(around | plain)),
        ("/batch", text(around | {"batch": [plain | {"event": "batch"}]})),
        ("/e/?compression=gzip-js&_=1767323045678", gzip.compress(text([event("gzip-js")]))),
        ("/e", f"data={form('form')}".encode()),
        ("/e/?compression=base64", base64.b64encode(text(event("base64")))),
        ("/i/v0/e/", f"data={quote(PACKED)}&compression=lz64".encode()),
    ]
    with live(house) as client:
        for path, body in posts:
            answer = client.post(path, content=body, headers={"content-type": "text/plain"})
            assert (answer.status_code, answer.json()) == (200, {"status": "Ok"}), (path, answer.text)
        assert client.get(f"/e/?data={form('pixel')}&ip=0").status_code == 200
    rows = {row["event"]: row for row in kept(house, scope)}
    assert set(rows) == {"plain", "batch", "gzip-js", "form", "base64", "pixel", "Größe 😀"}
    assert rows["gzip-js"]["sent_at"] == WHEN
    assert rows["Größe 😀"]["params"] == {"distinct_id": "d1", "n": 1, "list": [1] * 24}
    assert "wk_waves" not in json.dumps(list(rows.values()))


def test_a_bad_event_fails_alone_and_its_letter_holds_no_key(house: House, scope: Scope) -> None:
    """The others are stored; the answer is 200; the letter can be read again and never held the app's key."""
    events: list[Any] = [{"event": "good", "properties": {"distinct_id": "d1", "token": "wk_waves"}}]
    events += [{"event": "bad", "timestamp": "yesterday", "properties": {"token": "wk_waves"}}, None]
    with live(house) as client:
        assert client.post("/e/", json=events).status_code == 200
    assert [row["event"] for row in kept(house, scope)] == ["good"]
    letters = [find(house.database, scope, letter.number).letter for letter in listing(house.database, scope)]
    assert len(letters) == 2
    for letter in letters:
        assert b"wk_waves" not in letter.raw
        assert "wk_waves" not in letter.context
        again = POSTHOG.draft([letter.raw], json.loads(letter.context))
        assert [rejected.reason for rejected in again.rejected] == [letter.reason]


def test_text_that_a_script_cut_in_two_and_a_token_that_is_no_key_are_kept(house: House, scope: Scope) -> None:
    """Half a surrogate pair becomes U+FFFD, in a batch too, and the app's key is still left nowhere."""
    properties = r'"token": "wk_waves", "distinct_id": "d1", "cut": "\ud83d", "whole": "\ud83d\ude00 \\ud83d"'
    single = f'{{"event": "one", "properties": {{{properties}}}}}'
    own = {"event": "own", "distinct_id": "d1", "properties": {"token": "push-1", "api_key": "wk_waves"}}
    with live(house) as client:
        for body in (single, f"[{single}]".replace("one", "two"), json.dumps({"api_key": "wk_waves", "batch": [own]})):
            assert client.post("/e/", content=body).status_code == 200
    rows = {row["event"]: row["params"] for row in kept(house, scope)}
    cut = {"distinct_id": "d1", "cut": "\ufffd", "whole": "\U0001f600 \\ud83d"}
    assert rows == {"one": cut, "two": cut, "own": {"token": "push-1"}}


def test_equal_events_that_nothing_tells_apart_are_all_kept(house: House, scope: Scope) -> None:
    """Without id, time and time of sending, the same event twice is two events; one with an id is one."""
    bare = {"api_key": "wk_waves", "event": "bare", "distinct_id": "d1"}
    with live(house) as client:
        for body in (bare, bare, bare | {"event": "told", "uuid": "x"}, bare | {"event": "told", "uuid": "x"}):
            assert client.post("/capture/", json=body).status_code == 200
    assert sorted(row["event"] for row in kept(house, scope)) == ["bare", "bare", "told"]


def test_what_sdks_ask_beside_sending_is_answered(house: House) -> None:
    """No flags, and a configuration that asks for nothing that is not taken here; a script quotes what it repeats."""
    with live(house) as client:
        for path in ("/flags/?v=2", "/flags", "/decide/?v=3", "/decide"):
            answer = client.post(path, json={"token": "wk_waves", "distinct_id": "u1"})
            assert (answer.status_code, answer.json()["flags"], answer.json()["featureFlags"]) == (200, {}, {})
        assert client.get("/array/wk_waves/config").json()["sessionRecording"] is False
        script = client.get('/array/"];alert(1);/config.js')
        assert script.headers["content-type"].startswith("application/javascript")
        assert r'["\"];alert(1);"] =' in script.text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/batch/", b'{"api_key": "wk_none", "batch": []}', 401),
        ("/batch/", b'{"batch": []}', 401),
        ("/i/v1/analytics/events", b'{"api_key": "wk_waves", "batch": 1}', 401),
        ("/e/?token=wk_waves", b"", 400),
        ("/e/?token=wk_waves", b"\x78\x9c\xff", 400),
        ("/e/?token=wk_waves", b'{"batch": 7}', 400),
        ("/e/?token=wk_waves", b'{"nothing": 1}', 400),
        ("/e/?token=wk_waves&compression=lz64", b"data=!!!", 400),
        ("/e/?token=wk_waves&compression=lz64", b"data=" + b"A" * (1 << 21), 413),
    ],
)
def test_what_cannot_be_taken_is_refused_without_a_reason_to_try_again(
    house: House, path: str, body: bytes, status: int
) -> None:
    """4xx, in the words that the SDKs print; never 5xx, which they would send again for hours."""
    with live(house) as client:
        answer = client.post(path, content=body)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["detail"], str)


def row_of(event: Row, **context: Any) -> Row:
    """What an event is read as: the columns of its draft that hold something, JSON texts as values."""
    draft = POSTHOG.draft([json.dumps(event).encode()], {"address": "198.51.100.7"} | context)
    assert not draft.rejected
    (row,) = draft.table.to_pylist()
    texts = ("params", "session", "profile")
    return {name: json.loads(value) if name in texts else value for name, value in row.items() if value is not None}


@pytest.mark.parametrize(
    ("event", "user", "device"),
    [
        ({"distinct_id": "u1"}, "u1", None),
        ({"distinct_id": 7}, "7", None),
        ({"distinct_id": "d1", "properties": {"$device_id": "d1"}}, None, "d1"),
        ({"distinct_id": "u1", "properties": {"$device_id": "d1"}}, "u1", "d1"),
        ({"distinct_id": "x", "properties": {"$is_identified": False}}, None, "x"),
        ({"distinct_id": "x", "properties": {"$device_id": "d1", "$is_identified": False}}, None, "d1"),
        ({"distinct_id": "x", "options": {"process_person_profile": False}}, None, "x"),
        ({"event": "$identify", "distinct_id": "u1", "properties": {"$anon_distinct_id": "a1"}}, "u1", "a1"),
        ({"properties": {"distinct_id": "u1"}}, "u1", None),
    ],
)
def test_a_distinct_id_is_a_user_once_the_app_has_said_so(event: Row, user: str | None, device: str | None) -> None:
    """Until then it names the device."""
    row = row_of({"event": "e"} | event)
    assert (row.get("user_id"), row.get("device_id")) == (user, device)


CHAIN = r'button.buy.big:text="Say \"hi\"; now"nth-child="1";div#box:attr__data-text="no";body:nth-child="2"'
OBJECTS = [
    {"tag_name": "button", "classes": ["buy"], "$el_text": "Buy"},
    {"tag_name": "div", "attr__id": "box", "attr__class": "a b"},
]


@pytest.mark.parametrize(
    ("name", "properties", "wanted"),
    [
        (
            "$pageview",
            {"$current_url": "https://a.example/", "$referrer": "$direct", "title": "A", "$pageview_id": "p1"},
            {"kind": "page", "page_url": "https://a.example/", "page_referrer": "$direct", "page_title": "A"}
            | {"page_id": "p1", "params": {"title": "A"}},
        ),
        ("$pageleave", {"$prev_pageview_duration": 1.2346}, {"page_duration_ms": 1235}),
        ("$screen", {"$screen_name": "Home"}, {"event": "Home", "kind": "screen"}),
        ("Jumped", {"$screen_name": "Home"}, {"event": "Jumped", "state": "Home"}),
        (
            "$autocapture",
            {"$event_type": "click", "$elements_chain": CHAIN},
            {"kind": "click", "element_text": 'Say "hi"; now', "element_selector": "body div#box button.buy.big"},
        ),
        (
            "$autocapture",
            {"$event_type": "change", "$elements": OBJECTS},
            {"kind": "change", "element_text": "Buy", "element_selector": "div#box.a.b button.buy"},
        ),
        ("$rageclick", {"$el_text": "Buy"}, {"kind": "click", "signal_frustrated": 1, "element_text": "Buy"}),
        ("$dead_click", {}, {"kind": "click", "signal_dead": 1}),
        ("$exception", {"$exception_list": [{"type": "E", "value": "no"}]}, {"kind": "error", "info": "no"}),
        ("e", {"$insert_id": "i1", "$current_url": 7}, {"id": "i1", "params": {"$insert_id": "i1", "$current_url": 7}}),
    ],
)
def test_what_sdks_for_pages_and_apps_report_has_fields(name: str, properties: Row, wanted: Row) -> None:
    """Pages, screens and clicks are told in the fields that all dialects read."""
    row = row_of({"event": name, "distinct_id": "d1", "properties": properties})
    assert {key: row.get(key) for key in wanted} == wanted


def test_device_place_and_campaign_come_to_the_session() -> None:
    """What has a field is there and no longer a parameter; a campaign stays one too."""
    properties = {
        **{"$lib": "web", "$lib_version": "1.2", "$os": "Mac OS X", "$os_version": "14", "$browser": "Safari"},
        **{"$browser_version": 17, "$raw_user_agent": "UA", "$device_type": "Desktop", "$timezone": "Europe/Berlin"},
        **{"$screen_width": 1440, "$screen_height": 900, "$browser_language": "de-DE", "$timezone_offset": -60},
        **{"$geoip_country_code": "DE", "$geoip_city_name": "Berlin", "utm_source": "news", "utm_campaign": "spring"},
        **{"$app_version": {"odd": 1}, "$session_id": "s1"},
    }
    row = row_of({"event": "e", "distinct_id": "d1", "properties": properties})
    assert row["session_id"] == "s1"
    assert row["session"] == {
        **{"sdk_name": "web", "sdk_version": "1.2", "platform": "web", "os_name": "Mac OS X", "os_version": "14"},
        **{"browser_name": "Safari", "browser_version": "17", "user_agent": "UA", "device_type": "desktop"},
        **{"screen_resolution": "1440x900", "locale": "de-DE", "timezone": "Europe/Berlin"},
        **{"timezone_offset_ms": 3_600_000, "country": "DE", "city": "Berlin", "ip": "198.51.100.7"},
        **{"source_publisher": "news", "source_campaign": "spring", "properties": {"app_version": {"odd": 1}}},
    }
    assert set(row["params"]) == {
        *("$device_type", "$screen_width", "$screen_height", "$timezone_offset", "utm_source", "utm_campaign")
    }


@pytest.mark.parametrize(
    ("event", "context", "time"),
    [
        ({"timestamp": "2026-01-02T04:04:05.678+01:00"}, {}, T0),
        ({"timestamp": "2026-01-02T03:04:05.678"}, {}, T0),
        ({"timestamp": T0}, {}, T0),
        ({"offset": 500}, {"sent_at": T0 - 1000}, T0 - 1500),
        ({"offset": 500}, {}, None),
        ({}, {}, None),
    ],
)
def test_times_are_read_as_sdks_write_them(event: Row, context: Row, time: int | None) -> None:
    """ISO 8601, in UTC where it does not say; milliseconds; or how long before sending it was."""
    assert row_of({"event": "e", "distinct_id": "d1"} | event, **context).get("time") == time


def test_an_element_that_never_ends_is_read_in_no_time() -> None:
    """A text of quotes that do not match takes a time that grows with its length, not with its square."""
    chain = 'a:text="' + '\\"' * 200_000
    row = row_of({"event": "$autocapture", "distinct_id": "d1", "properties": {"$elements_chain": chain}})
    assert row["element_selector"] == "a"


def test_a_page_that_keeps_addresses_to_itself_is_obeyed() -> None:
    """`ip=0` in the query: the address of the sender is not kept."""
    sent = Sent("POST", "/e/", {}, {"ip": "0"}, {}, b'{"event": "e", "api_key": "k"}', "198.51.100.7", T0)
    assert POSTHOG.intakes[1].split(sent).context["address"] is None
