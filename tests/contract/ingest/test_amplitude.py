"""What Amplitude's SDKs send, as they send it, comes out as it was meant; what they hear lets them go on."""

import json
from typing import Any

import pytest

from tailrace.ingest.protocols.amplitude import AMPLITUDE
from tailrace.model.access import Scope
from tailrace.model.errors import TooLarge, TooSoon, Unavailable
from tailrace.store.deadletters import find, listing
from tailrace.wiring import House
from tests.contract.live import live
from tests.sdk import drive
from tests.sending import T0, Row, export, request, seal

WHEN = "2026-01-02T03:04:05.678Z"
EVENT = {"event_type": "Jumped", "device_id": "d1", "insert_id": "i1", "time": T0}


@pytest.fixture
def backend() -> str:
    """What is read and answered does not depend on the database."""
    return "sqlite"


def kept(house: House, scope: Scope) -> list[Row]:
    """Every event of the app, sealed and exported."""
    seal(house, scope)
    return export(house, scope, request(scope))[1]


def upload(*events: Any, **more: Any) -> Row:
    """The body of a request."""
    return {"api_key": "wk_waves", "events": events} | more


def told(call: Row) -> Row:
    """What a call of an SDK must come out as; of its parameters those that the call itself gave."""
    match call["call"]:
        case "track":
            who = {"event": "Jumped", "user_id": "u1", "device_id": "d1", "time": WHEN, "session_id": "1767323044678"}
            return who | {"params": call["properties"]}
        case "identify":
            email = call["properties"].get("email")
            attributes = {name: value for name, value in call["properties"].items() if name != "email"}
            profile = ({"email": email} if email else {}) | {"attributes": attributes}
            traits = {"$set": call["properties"]} | call["later"]
            return {"kind": "identify", "profile": profile, "params": {"$user_properties": traits}}
        case "revenue":
            money = {"event": "revenue_amount", "amount": call["amount"], "currency": call["currency"]}
            return money | {"params": {"$productId": call["product"]}}
        case _:
            group = {"$groups": call["group"], "$group_properties": call["properties"]}
            return {"kind": "group", "user_id": call["user_id"], "params": group}


@pytest.mark.parametrize(("driver", "path"), [("amplitude.py", "/2/httpapi"), ("amplitude.mjs", "/batch")])
def test_what_an_sdk_sent_is_what_comes_out(house: House, scope: Scope, driver: str, path: str) -> None:
    """Every call of the SDK is one event with what the program gave, and its callback hears 200."""
    with live(house) as client:
        calls = drive(driver, str(client.base_url).rstrip("/"), "wk_waves", path)
    rows = {row["id"]: row for row in kept(house, scope)}
    assert set(rows) == {call["id"] for call in calls}
    for call in calls:
        wanted, row = told(call), rows[call["id"]]
        assert {name: row.get(name) for name in wanted if name != "params"} == {
            name: value for name, value in wanted.items() if name != "params"
        }
        assert row["params"] | wanted["params"] == row["params"]
        assert row["sdk_name"] in ("amplitude-python", "amplitude-node-ts")


def test_the_answer_says_what_was_taken_and_a_bad_event_fails_alone(house: House, scope: Scope) -> None:
    """A bad record becomes a letter that can be read again; the SDK hears 200, since any other answer would make it
    send the good ones again.
    """
    body = upload(EVENT, {"event_type": "bad", "device_id": "d1", "time": "noon"}, 7, {"event_type": "whose?"})
    with live(house) as client:
        answer = client.post("/2/httpapi", json=body)
    heard = answer.json()
    assert (answer.status_code, heard["code"], heard["events_ingested"]) == (200, 200, 1)
    assert heard["payload_size_bytes"] == len(answer.request.content)
    assert heard["server_upload_time"] > T0
    assert [row["event"] for row in kept(house, scope)] == ["Jumped"]
    letters = [find(house.database, scope, letter.number).letter for letter in listing(house.database, scope)]
    assert sorted(letter.raw for letter in letters) == sorted(
        json.dumps(each, separators=(",", ":")).encode() for each in body["events"][1:]
    )
    assert all("wk_waves" not in letter.context for letter in letters)
    assert [json.loads(letter.context)["protocol"] for letter in letters] == ["amplitude"] * 3


def test_a_resend_is_stored_once_and_nothing_else_is_dropped(house: House, scope: Scope) -> None:
    """By `insert_id`; without one by content and time of upload; and what nothing tells apart is kept each time."""
    bare = {"event_type": "bare", "device_id": "d1"}
    timed = upload(bare | {"event_type": "timed"}, client_upload_time=WHEN)
    cut = json.dumps(
        upload(bare | {"event_type": "cut \ud83d", "insert_id": "i2"})
    )  # half a letter, as scripts write it
    with live(house) as client:
        for body in (upload(EVENT), upload(EVENT), timed, timed, upload(bare), upload(bare)):
            assert client.post("/2/httpapi", json=body).status_code == 200
        assert client.post("/2/httpapi", content=cut).status_code == 200
    assert sorted(row["event"] for row in kept(house, scope)) == ["Jumped", "bare", "bare", "cut \ufffd", "timed"]


def test_two_protocols_share_a_path_and_are_told_apart_by_what_they_send(house: House, scope: Scope) -> None:
    """`/batch` takes both kinds of bodies, each is answered in its own words, also an empty one; whose a body that
    nobody knows is makes no difference.
    """
    other = {"api_key": "wk_waves", "batch": [{"event": "theirs", "distinct_id": "u1", "properties": {"events": []}}]}
    with live(house) as client:
        assert client.post("/batch", json=upload(EVENT | {"event_properties": {"batch": [1]}})).json()["code"] == 200
        assert client.post("/batch", json=other).json() == {"status": "Ok"}
        assert client.post("/batch", json=other | {"batch": []}).json() == {"status": "Ok"}
        assert client.post("/batch", json=upload()).json()["events_ingested"] == 0
        for body in (b"", b"{", b"[1]", b'{"neither": 1}'):
            assert client.post("/batch", content=body).status_code in (400, 401), body
    assert sorted(row["event"] for row in kept(house, scope)) == ["Jumped", "theirs"]


@pytest.mark.parametrize(
    ("body", "status", "heard"),
    [
        (b'{"api_key": "wk_none", "events": []}', 400, {"code": 400, "error": "Invalid API key: no app has it"}),
        (b'{"events": []}', 400, {"code": 400, "error": "Invalid API key: no app has it"}),
        (b'{"api_key": "wk_waves"}', 400, {"code": 400, "missing_field": "events"}),
        (b'{"api_key": "wk_waves", "events": {}}', 400, {"code": 400, "missing_field": "events"}),
        (b'{"api_key": "wk_waves", "events": [%b1]}' % (b"1," * 50_000), 413, {"code": 413}),
    ],
)
def test_what_cannot_be_taken_is_refused_in_words_that_end_tries(
    house: House, body: bytes, status: int, heard: Row
) -> None:
    """A wrong key and a body that cannot be read are given up; one that is too large is sent in parts."""
    with live(house) as client:
        answer = client.post("/2/httpapi", content=body)
    assert answer.status_code == status
    assert {name: answer.json().get(name) for name in heard} == heard


def test_overload_makes_sdks_wait_longest() -> None:
    """SDKs hold events that they are told are throttled for 30 s, and give up on others within seconds."""
    for error in (TooSoon("events", 5), Unavailable("full", 5)):
        answer = AMPLITUDE.refuse(503, error)
        heard = json.loads(answer.body)
        assert (answer.status, heard["code"]) == (429, 429)
        assert set(heard["throttled_events"]) >= set(range(200)), "an SDK's batch"
    assert "throttled_events" not in json.loads(AMPLITUDE.refuse(413, TooLarge(1)).body)


def row_of(event: Row) -> Row:
    """What an event is read as: the columns of its draft that hold something, JSON texts as values."""
    draft = AMPLITUDE.draft([json.dumps(event).encode()], {"address": "198.51.100.7"})
    assert not draft.rejected
    (row,) = draft.table.to_pylist()
    texts = ("params", "session", "profile")
    return {name: json.loads(value) if name in texts else value for name, value in row.items() if value is not None}


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        ({"price": 1.1, "quantity": 3, "revenue": 9}, {"amount": 3.3}),
        ({"price": "2.5"}, {"amount": 2.5}),
        ({"revenue": -4, "currency": "USD"}, {"amount": -4.0, "currency": "USD"}),
        ({"event_properties": {"$price": 0, "$quantity": 1, "$revenue": 9.99}}, {"amount": 9.99}),
        ({"event_properties": {"$price": 0}}, {"amount": 0.0}),
        ({"currency": "USD"}, {"amount": None, "currency": None, "params": {"$currency": "USD"}}),
        ({"session_id": -1}, {"session_id": None}),
        ({"session_id": T0}, {"session_id": str(T0)}),
        ({"event_type": "session_end"}, {"session_end": True, "event": "session_end"}),
        ({"event_type": "session_start"}, {"session_end": False, "event": "session_start"}),
        ({"ip": "$remote"}, {"session": {"ip": "198.51.100.7"}}),
        ({"ip": "203.0.113.9"}, {"session": {"ip": "203.0.113.9"}}),
        ({}, {"session": None, "params": None, "profile": None, "kind": None}),
        ({"user_id": 7, "time": float(T0)}, {"user_id": "7", "time": T0}),
        ({"event_properties": [1], "new": 2}, {"params": {"$event_properties": [1], "$new": 2}}),
        ({"user_properties": {"plan": "pro"}}, {"profile": {"attributes": {"plan": "pro"}}}),
        (
            {"user_properties": {"$add": {"n": 1}}},
            {"profile": None, "params": {"$user_properties": {"$add": {"n": 1}}}},
        ),
        (
            {"event_type": "[Amplitude] Page Viewed", "event_properties": {"[Amplitude] Page Location": "https://a/"}},
            {"kind": "page", "page_url": "https://a/"},
        ),
        (
            {"event_type": "[Amplitude] Screen Viewed", "event_properties": {"[Amplitude] Screen Name": "Home"}},
            {"kind": "screen", "event": "Home"},
        ),
        (
            {"event_type": "[Amplitude] Rage Click", "event_properties": {"[Amplitude] Element Text": "Buy"}},
            {"kind": "click", "signal_frustrated": 1, "element_text": "Buy"},
        ),
    ],
)
def test_money_sessions_pages_and_users_have_fields(event: Row, wanted: Row) -> None:
    """What has a field is there; what has none is a parameter under its name behind a `$`."""
    row = row_of({"event_type": "e", "device_id": "d1"} | event)
    assert {name: row.get(name) for name in wanted} == wanted


def test_device_and_place_come_to_the_session() -> None:
    """Members of an event by their fields; those without one are properties of the session."""
    given = {
        **{"app_version": "1.2.3", "platform": "iOS", "os_name": "ios", "os_version": "17", "device_brand": "Acme"},
        **{"device_model": "A1", "carrier": "Tel", "region": "BE", "city": "Berlin", "dma": "x", "language": "de"},
        **{
            "location_lat": 52.5,
            "location_lng": 13.4,
            "idfa": "A-1",
            "idfv": "V-1",
            "adid": "G-1",
            "android_id": "N-1",
        },
        **{"library": "amplitude-ts/2.1", "country": "Germany", "partner_id": "p", "user_agent": "UA"},
    }
    assert row_of({"event_type": "e", "device_id": "d1"} | given)["session"] == {
        **{"app_version": "1.2.3", "platform": "ios", "os_name": "ios", "os_version": "17"},
        **{"device_manufacturer": "Acme", "device_model": "A1", "region": "BE", "city": "Berlin", "locale": "de"},
        **{"latitude": 52.5, "longitude": 13.4, "sdk_name": "amplitude-ts", "sdk_version": "2.1", "user_agent": "UA"},
        "device_ids": {"idfa": "A-1", "idfv": "V-1", "advertising_id": "G-1", "android_id": "N-1"},
        "properties": {"carrier": "Tel", "dma": "x", "device_brand": "Acme", "partner_id": "p", "country": "Germany"},
    }
    assert row_of({"event_type": "e", "device_id": "d1", "country": "de"})["session"] == {"country": "DE"}
