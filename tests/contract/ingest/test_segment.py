"""What the SDKs of Segment and RudderStack send, as they send it, comes out as it was meant, and answers end tries."""

import gzip
import json
from collections.abc import Mapping
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from tailrace.ingest.protocols.base import Sent
from tailrace.ingest.protocols.segment import SEGMENT
from tailrace.model.access import Scope
from tailrace.store.deadletters import find, listing
from tailrace.wiring import House
from tests.contract.live import live
from tests.planted import basic
from tests.sdk import drive
from tests.sending import Row, export, request, seal

WHEN = "2026-01-02T03:04:05.678Z"
CONTEXT = {
    "app": {"name": "Waves", "version": "1.2.3", "build": 45},
    "device": {
        "id": "i-1",
        "advertisingId": "i-2",
        "manufacturer": "Acme",
        "model": "A1",
        "type": "ios",
        "name": "One",
    },
    "os": {"name": "iOS", "version": "17.1"},
    "screen": {"width": 1080, "height": 2400, "density": 2.6},
    "locale": "de_DE",
    "timezone": "Europe/Berlin",
    "network": {"wifi": True, "carrier": ""},
    "ip": "198.51.100.7",
    "userAgent": "Waves/1",
    "location": {"country": "de", "region": "BE", "city": "Berlin", "latitude": 52.5, "longitude": 13.4, "speed": 0},
    "campaign": {"name": "spring", "source": "news", "medium": "mail", "term": "sea", "content": "top", "id": "c1"},
    "page": {"url": "https://example.com/b", "path": "/b", "title": "B"},
    "referrer": {"type": "search", "url": "https://search.example.com/"},
    "sessionId": 1767323045678,
}
TRAITS = {"email": "u1@example.com", "firstName": "Ann", "lastName": "Lee", "gender": "f", "birthday": "1990-05-06"}
MORE_TRAITS = {"phone": "+49 30 1", "avatar": "https://example.com/a.png", "createdAt": "2020-02-03T04:05:06Z"}
OTHER_TRAITS = {"plan": "pro", "address": {"city": "Berlin"}}
KNOWN = {"userId": "u1", "anonymousId": "a1", "context": CONTEXT, "timestamp": WHEN}
CALLS: list[Row] = [
    {"call": "identify", "messageId": "m-identify", **KNOWN, "traits": TRAITS | MORE_TRAITS | OTHER_TRAITS},
    {
        "call": "track",
        "messageId": "m-track",
        **KNOWN,
        "event": "Jumped",
        "properties": {"height": 1.5, "tags": ["a", "ü"], "revenue": 9.5, "currency": "EUR", "value": "3"},
    },
    {
        "call": "page",
        "messageId": "m-page",
        **KNOWN,
        "category": "Docs",
        "name": "Home",
        "properties": {"url": "https://example.com/a", "referrer": "https://example.com/r", "title": "A", "dark": True},
    },
    {"call": "screen", "messageId": "m-screen", **KNOWN, "category": "Game", "name": "Level", "properties": {"n": 3}},
    {"call": "group", "messageId": "m-group", **KNOWN, "groupId": "g1", "traits": {"name": "Acme Inc", "staff": 7}},
    {
        "call": "alias",
        "messageId": "m-alias",
        "userId": "u1",
        "previousId": "a0",
        "context": CONTEXT,
        "timestamp": WHEN,
    },
]
PAGE = {"page_url": "https://example.com/b", "page_title": "B", "page_referrer": "https://search.example.com/"}
EVENTS: dict[str, Row] = {
    "m-identify": {"event": "identify", "kind": "identify", "params": TRAITS | MORE_TRAITS | OTHER_TRAITS, **PAGE},
    "m-track": {
        "event": "Jumped",
        "kind": None,
        "params": {"height": 1.5, "tags": ["a", "ü"], "revenue": 9.5, "currency": "EUR", "value": "3"},
        "amount": 9.5,
        "currency": "EUR",
        "value": 3.0,
        **PAGE,
    },
    "m-page": {
        "event": "Home",
        "kind": "page",
        "params": {
            "url": "https://example.com/a",
            "referrer": "https://example.com/r",
            "title": "A",
            "dark": True,
        },
        "page_url": "https://example.com/a",
        "page_referrer": "https://example.com/r",
        "page_title": "A",
        "page_properties": {"category": "Docs", "path": "/b", "url": "https://example.com/b", "title": "B"},
    },
    "m-screen": {"event": "Level", "kind": "screen", "params": {"category": "Game", "n": 3}, **PAGE},
    "m-group": {
        "event": "group",
        "kind": "group",
        "params": {"group_id": "g1", "name": "Acme Inc", "staff": 7},
        **PAGE,
    },
    "m-alias": {"event": "alias", "kind": "alias", "params": {"previous_id": "a0"}, "device_id": None, "actor": "u1"},
}
SESSION: Row = {
    "session_id": "1767323045678",
    "app_version": "1.2.3",
    "app_build": "45",
    "platform": "ios",
    "os_name": "iOS",
    "os_version": "17.1",
    "device_manufacturer": "Acme",
    "device_model": "A1",
    "device_type": None,
    "device_ids": {"idfv": "i-1", "idfa": "i-2"},
    "screen_resolution": "1080x2400",
    "locale": "de_DE",
    "timezone": "Europe/Berlin",
    "user_agent": "Waves/1",
    "country": "DE",
    "region": "BE",
    "city": "Berlin",
    "latitude": 52.5,
    "longitude": 13.4,
    "source_campaign": "spring",
    "source_publisher": "news",
    "source_channel": "mail",
    "source_keyword": "sea",
    "source_ad": "top",
    "is_background": True,
}
PROPERTIES = {
    "app": {"name": "Waves"},
    "device": {"name": "One"},
    "screen": {"density": 2.6},
    "location": {"speed": 0},
    "campaign": {"id": "c1"},
    "referrer": CONTEXT["referrer"],
}
PROFILE = {
    "name": "Ann Lee",
    "email": "u1@example.com",
    "gender": "f",
    "birth_year": 1990,
    "phone": "+49 30 1",
    "photo": "https://example.com/a.png",
    "registered_at": "2020-02-03T04:05:06.000Z",
    "attributes": {
        "firstName": "Ann",
        "lastName": "Lee",
        "birthday": "1990-05-06",
        **OTHER_TRAITS,
        "group_id": "g1",
        "group": {"name": "Acme Inc", "staff": 7},
    },
}
SERVER = {"channel": "server"}
# What each SDK calls itself, what it says of itself beside the context, and what it adds to the calls: Segment's for
# Node repeats a page's category, RudderStack's for Node says when it was called.
SDKS: Mapping[str, tuple[str, Row, Row]] = {
    "segment.py": ("analytics-python", {}, {}),
    "segment.mjs": ("@segment/analytics-node", {}, {"category": "Docs"}),
    "rudderstack.py": ("analytics-python", SERVER | {"integrations": {"All": True}}, {}),
    "rudderstack.mjs": ("analytics-node", SERVER, {"originalTimestamp": ANY}),
}


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on the database."""
    name: str = request.param
    return name


def exported(house: House, scope: Scope) -> dict[str, Row]:
    """What comes out, by id; each id comes once."""
    seal(house, scope)
    _, rows = export(house, scope, request(scope))
    found = {row["id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def shown(row: Row, wanted: Row) -> Row:
    """The columns of a row that are wanted."""
    return {name: row.get(name) for name in wanted}


@pytest.mark.parametrize("driver", SDKS)
def test_an_sdk_as_it_is_sends_every_call(house: House, scope: Scope, driver: str) -> None:
    """Each call comes out once, each of its values in its field, the others in properties, parameters or attributes."""
    with live(house) as client:
        told = drive(driver, str(client.base_url).rstrip("/"), "wk_waves", json.dumps(CALLS))
    assert {one["id"] for one in told} == set(EVENTS)
    rows = exported(house, scope)
    assert rows.keys() == EVENTS.keys()
    name, own, added = SDKS[driver]
    for key, wanted in EVENTS.items():
        more = {} if driver == "segment.mjs" and key != "m-page" else added
        assert shown(rows[key], wanted) == wanted | {"params": wanted["params"] | more}
    for row in rows.values():
        assert shown(row, SESSION) == SESSION
        assert (row["time"], row["sdk_name"], row["user_id"], row["ip"][:7]) == (WHEN, name, "u1", "198.51.")
        assert row["session_properties"].items() >= (PROPERTIES | own).items()
    assert rows["m-track"]["profile"] == PROFILE
    assert "profile" not in rows["m-alias"]


def sent(client: httpx.Client, path: str, body: Any, **more: Any) -> httpx.Response:
    """A request as SDKs make it."""
    return client.post(path, content=json.dumps(body).encode(), **({"auth": ("wk_waves", "")} | more))


def test_every_path_takes_what_it_is_for(house: House, scope: Scope) -> None:
    """Batches and single messages, with and without a slash at the end, the long and the short names."""
    calls = ("track", "identify", "page", "screen", "group", "alias")
    message = {"anonymousId": "a1", "event": "E", "type": "track"}
    with live(house) as client:
        for path in ("/v1/batch", "/v1/batch/", "/v1/import", "/v1/import/", "/v1/b", "/v1/b/", "/b", "/b/"):
            assert sent(client, path, {"batch": [message | {"messageId": path}]}).json() == {"success": True}
        for path in (f"/v1/{name}{end}" for call in calls for name in (call, call[0]) for end in ("", "/")):
            assert sent(client, path, message | {"messageId": path}).status_code == 200, path
    rows = exported(house, scope)
    assert len(rows) == 8 + 4 * len(calls)
    kinds = {path: row.get("kind") or "track" for path, row in rows.items() if path.rstrip("/").count("/") == 2}
    for call in calls:
        assert {kinds[f"/v1/{name}{end}"] for name in (call, call[0]) for end in ("", "/")} == {call}


def test_a_packed_batch_labelled_as_a_form_is_read_by_its_content(house: House) -> None:
    """Gzip JSON that calls itself a form is taken, its key read from the body."""
    body = gzip.compress(json.dumps({"batch": [{"type": "page", "userId": "u"}], "writeKey": "wk_waves"}).encode())
    with live(house) as client:
        answer = client.post("/v1/batch", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})


def test_settings_turn_the_sdks_of_apps_on_and_leave_their_host(house: House) -> None:
    """What apps and browsers ask first names this one integration, and no host that they would turn to."""
    with live(house) as client:
        for path in ("/v1/projects/wk_any/settings", "/projects/wk_any/settings"):
            settings = client.get(path).json()
            assert settings["integrations"]["Segment.io"]["apiKey"] == "wk_any"
            assert "apiHost" not in settings["integrations"]["Segment.io"]


# How a message says it, and what columns say then. Each is sent as a track call of its own.
READINGS: Mapping[str, tuple[Row, Row]] = {
    "numbers-as-ids": ({"userId": 7, "anonymousId": 8.5}, {"user_id": "7", "device_id": "8.5"}),
    "empty-arrays-of-php": ({"properties": [], "context": [], "traits": []}, {"params": None}),
    "properties-that-are-none": ({"properties": "x"}, {"params": {"properties": "x"}}),
    "time-in-seconds": ({"timestamp": 1767323045}, {"time": "2026-01-02T03:04:05.000Z"}),
    "time-in-milliseconds": ({"timestamp": 1767323045678}, {"time": WHEN}),
    "time-without-offset": ({"timestamp": "2026-01-02T03:04:05.678"}, {"time": WHEN}),
    "time-of-the-call": ({"timestamp": None, "originalTimestamp": WHEN}, {"time": WHEN}),
    "unknown-members": ({"mood": {"a": 1}}, {"params": {"mood": {"a": 1}}}),
    "a-name-in-use": ({"mood": 1, "properties": {"mood": 2}}, {"params": {"mood": 2, "message_mood": 1}}),
    "a-name-said-twice": ({"mood": 1, "properties": {"mood": 1}}, {"params": {"mood": 1}}),
    "unknown-call": ({"type": "charge", "event": None}, {"event": "charge", "kind": "charge"}),
    "browser": (
        {
            "context": {
                "library": {"name": "analytics.js"},
                "device": {"type": "Mobile"},
                "location": {"country": "Mali"},
            }
        },
        {
            "platform": "web",
            "device_type": "mobile",
            "is_background": None,
            "country": None,
            "session_properties": {"location": {"country": "Mali"}},
        },
    ),
    "what-happened-on-a-page": (
        {
            "context": {
                "kind": "click",
                "library": {"name": "tailrace.js"},
                "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile Safari/604.1",
                "browser": {"name": "Mine", "version": 2},
                "page": {
                    "id": "p1",
                    "url": "https://example.com/",
                    "durationMs": 1200,
                    "activeMs": "800",
                    "infos": 1,
                    "warnings": 2,
                    "errors": 3,
                    "cluster": 605,
                    "domContentMs": 10.0,
                    "firstPaintMs": 11,
                    "loadMs": 12,
                    "path": "/",
                },
                "element": {"text": "Buy", "selector": "html body a", "tag": "a"},
                "signals": {"frustrated": 4, "dead": 1, "error": 1, "suspicious": 1},
            }
        },
        {
            "kind": "click",
            "page_id": "p1",
            "page_url": "https://example.com/",
            "page_duration_ms": 1200,
            "page_active_ms": 800,
            "page_infos": 1,
            "page_warnings": 2,
            "page_errors": 3,
            "page_cluster": 605,
            "page_dom_content_ms": 10,
            "page_first_paint_ms": 11,
            "page_load_ms": 12,
            "page_properties": {"path": "/"},
            "element_text": "Buy",
            "element_selector": "html body a",
            "signal_frustrated": 4,
            "signal_dead": 1,
            "signal_error": 1,
            "signal_suspicious": 1,
            "platform": "web",
            "browser_name": "Mine",
            "browser_version": "2",
            "os_name": "iOS",
            "device_type": "mobile",
            "session_properties": {"element": {"tag": "a"}},
        },
    ),
    "what-is-no-such-thing": (
        {
            "context": {
                "kind": "page",
                "page": {"id": ["p"], "durationMs": "long"},
                "element": "button",
                "signals": {"dead": {}},
            }
        },
        {
            "kind": None,
            "page_id": None,
            "page_duration_ms": None,
            "page_properties": {"id": ["p"], "durationMs": "long"},
            "element_text": None,
            "signal_dead": None,
            "session_properties": {"kind": "page", "element": "button", "signals": {"dead": {}}},
        },
    ),
    "session-of-an-integration": (
        {"integrations": {"All": True, "Other": {"session_id": -1}, "Amplitude": {"session_id": 1767323045678}}},
        {"session_id": "1767323045678"},
    ),
    "values-of-other-types": (
        {"context": {"app": {"version": 3}, "locale": {"a": 1}, "location": {"latitude": 99}}},
        {"app_version": "3", "locale": None, "session_properties": {"locale": {"a": 1}, "latitude": 99}},
    ),
    "age": ({"traits": {"age": "30", "name": "N"}}, {"birth_year": 1996, "user_name": "N"}),
    "unreadable-traits": (
        {"traits": {"birthday": "May", "createdAt": "then", "email": {"x": 1}}},
        {"birth_year": None, "profile": {"attributes": {"birthday": "May", "createdAt": "then", "email": {"x": 1}}}},
    ),
}


def test_what_can_be_read_is_and_the_rest_is_kept(house: House, scope: Scope) -> None:
    """Values of other types than they should have go where they fit, else beside, and lose no event."""
    base = {"type": "track", "event": "E", "anonymousId": "a", "timestamp": WHEN}
    batch = [base | {"messageId": name, "anonymousId": name} | said for name, (said, _) in READINGS.items()]
    with live(house) as client:
        assert sent(client, "/v1/batch", {"batch": batch, "context": {"locale": "en"}}).status_code == 200
    rows = exported(house, scope)
    assert rows.keys() == READINGS.keys()
    assert {n: shown(rows[n], wanted) for n, (_, wanted) in READINGS.items()} == {
        n: w for n, (_, w) in READINGS.items()
    }
    assert {row["locale"] for name, row in rows.items() if name != "values-of-other-types"} == {"en"}
    assert rows["browser"]["ip"].startswith("127.0.")


BAD: Mapping[str, tuple[Row, str]] = {
    "no name": ({"event": None}, "event: a name is needed"),
    "no identity": ({"anonymousId": None}, "no identity"),
    "an id that is none": ({"userId": {"a": 1}}, "userId: must be a text or a number"),
    "a time that is none": ({"timestamp": "yesterday"}, "yesterday"),
    "a time of no year": ({"timestamp": 1e300}, "between the years"),
}


def test_a_bad_message_among_good_ones_is_a_dead_letter_without_the_key(house: House, scope: Scope) -> None:
    """Each bad message is kept with its reason and without the write key that browsers put into it. Not even one that
    is no text spoils the others, or hides the key beside it.
    """
    base = {"type": "track", "event": "E", "anonymousId": "a", "writeKey": "wk_waves"}
    good = [json.dumps(base | {"messageId": name}) for name in "ab"]
    bad = [json.dumps(base | said) for said, _ in BAD.values()]
    broken = '{"writeKey": "wk_waves", "event": "\\ud800"}'
    body = f'{{"batch": [{good[0]}, {", ".join(bad)}, {broken}, 7, {good[1]}], "writeKey": "wk_waves"}}'
    with live(house) as client:
        assert client.post("/v1/batch", content=body.encode()).status_code == 200
    assert exported(house, scope).keys() == {"a", "b"}
    letters = [find(house.database, scope, one.number) for one in listing(house.database, scope)]
    reasons = {one.letter.position: one.letter.reason for one in letters}
    assert sorted(reasons) == list(range(1, len(BAD) + 3))
    for place, (_, reason) in enumerate(BAD.values(), 1):
        assert reason in reasons[place]
    assert "no identity" in reasons[len(BAD) + 1]
    assert not any(b"wk_" in one.letter.raw or "wk_" in one.letter.context for one in letters)


@pytest.mark.parametrize(
    ("path", "body", "key", "status"),
    [
        ("/v1/batch", '{"batch": []}', "wk_none", 401),
        ("/v1/track", '{"event": "E", "writeKey": "wk_none"}', None, 401),
        ("/v1/track", '{"event": "E"}', None, 401),
        ("/v1/batch", "{", None, 400),
        ("/v1/batch", "{", "wk_waves", 400),
        ("/v1/batch", '{"event": "E"}', "wk_waves", 400),
        ("/v1/track", "[]", "wk_waves", 400),
    ],
)
def test_refusals_say_what_sdks_look_for(house: House, path: str, body: str, key: str | None, status: int) -> None:
    """400 and 401 end the SDK's tries; the answer has the `code` and `message` without which one of them goes on."""
    with live(house) as client:
        answer = client.post(path, content=body.encode(), headers={"authorization": basic(key, "")} if key else {})
    assert answer.status_code == status
    assert answer.json().keys() == {"success", "message", "code"}


def test_a_wrong_auth_header_is_no_key() -> None:
    """Basic that is none, and other schemes, leave the key to the body."""
    for header in ("Basic !", "Basic", "Bearer wk_x", "Basic Og=="):
        request = Sent("POST", "/b", {}, {}, {"authorization": header}, b'{"writeKey": "wk_b"}', "", 0)
        assert SEGMENT.key_of(request) == "wk_b"
