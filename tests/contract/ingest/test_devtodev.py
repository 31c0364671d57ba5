"""devtodev's Data API 2.0: what its document shows, sent as it says, comes out of exports as standard events."""

import gzip
import json
from typing import Any

import httpx
import pytest
import zstandard

from tailrace.accounts.audit import Actor
from tailrace.accounts.limits import set_limits
from tailrace.accounts.lookup import scope_of_app
from tailrace.ingest.doors import door_of
from tailrace.ingest.replay import replay
from tailrace.model.access import Scope
from tailrace.model.fields import FIELDS
from tailrace.model.standard import STANDARD_EVENTS
from tailrace.store.deadletters import find, listing
from tailrace.store.ledger import ledger
from tailrace.wiring import House
from tests.contract.live import live
from tests.sending import T0, Row, export, request, seal

PATH = "/v2/analytics/report"
IDS: Row = {"deviceId": "d1", "userId": "u1"}
ABOUT: Row = {"language": "en", "country": "US", "ip": "154.12.121.11", "appVersion": "1.0", "appBuildVersion": "7"}
AMOUNTS: Row = {"spent": {"Coins": 90, "Gold": 10}, "earned": {"Coins": 5.5}}


def report(*events: Row, ids: Row = IDS, **package: Any) -> Row:
    """A report on one user with one package."""
    return {"reports": [{**ids, "packages": [{**ABOUT, **package, "events": list(events)}]}]}


def said(code: str, at: int = T0, **members: Any) -> Row:
    """An event with the members that each has."""
    return {"code": code, "timestamp": at, "level": 7, "sessionId": 1767323045} | members


def post(http: httpx.Client, body: Row | bytes, *, key: str = "wk_waves", **headers: str) -> httpx.Response:
    """Send a body with the app's key in the query."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.post(PATH, params={"appId": key}, content=content, headers=headers)


def took(answer: httpx.Response) -> int:
    """How many records an answer says were taken, none refused."""
    assert answer.status_code == 200, answer.text
    assert answer.json()["rejected"] == []
    return int(answer.json()["accepted"])


def rows_of(house: House, scope: Scope) -> list[Row]:
    """All events of an app with all fields that they have, exported, in order of time."""
    seal(house, scope)
    _, rows = export(house, scope, request(scope, columns=tuple(FIELDS)))
    return sorted(rows, key=lambda row: (row["time"], row["number"]))


# What is sent as an event of the Data API, and what the same is as a native event: its keys beside those of all.
EVENTS: list[tuple[Row, Row]] = [
    (said("ss"), {"event": "Session Started"}),
    (said("ue", length=61.5), {"event": "Session Active", "duration_ms": 61_500}),
    (said("al"), {"event": "Alive"}),
    (said("rg"), {"event": "Registration"}),
    (
        said(
            "di", os="Android", osVersion="14", manufacturer="Google", model="Pixel 8", displayResolution="1080x2400",
            userAgent="Dalvik/2.1.0", timeZoneOffset=-10_800, advertisingId="a-1", uuid="u-1", isRooted=0,
        ),
        {
            "event": "User Updated",
            "session": {
                "os_name": "Android", "os_version": "14", "platform": "android", "device_manufacturer": "Google",
                "device_model": "Pixel 8", "screen_resolution": "1080x2400", "user_agent": "Dalvik/2.1.0",
                "timezone_offset_ms": -10_800_000, "device_ids": {"advertising_id": "a-1", "uuid": "u-1"},
            },
            "params": {"isRooted": 0},
        },
    ),
    (
        said("lu", **AMOUNTS, balance={"Coins": 15}, bought={"Gold": 1}),
        {"event": "Level Up", "params": {**AMOUNTS, "balance": {"Coins": 15}, "bought": {"Gold": 1}}},
    ),
    (said("tr", step=-2), {"event": "Tutorial Step", "params": {"step": -2}}),
    (
        said("pe", name="Cave", source="Forest", difficulty=2, success=True, duration=30, **AMOUNTS),
        {
            "event": "Progression",
            "duration_ms": 30_000,
            "params": {"location": "Cave", "prev_location": "Forest", "difficulty": 2, "success": True, **AMOUNTS},
        },
    ),
    (
        said("rp", orderId="o-1", price=4.99, productId="gems", currencyCode="USD", isTester=False, isPaying=True),
        {
            "event": "Payment", "amount": 4.99, "currency": "USD", "is_tester": False, "is_paying": True,
            "params": {"transaction_id": "o-1", "product": "gems"},
        },
    ),
    (
        said("vp", purchaseId="sword", purchaseType="arms", purchaseAmount=2, purchasePrice={"Gold": 30}),
        {"event": "Item Purchased",
         "params": {"item": "sword", "item_type": "arms", "count": 2, "prices": {"Gold": 30}}},
    ),
    (
        said("ca", currencyName="Gold", currencyAmount=10, accrualType=1, currencySource="shop"),
        {"event": "Currency Received",
         "params": {"currency": "Gold", "amount": 10, "source": "bought", "reason": "shop"}},
    ),
    (said("cb", balance={"Gold": 3}), {"event": "Currency Balance", "params": {"balance": {"Gold": 3}}}),
    (
        said(
            "sbs", notificationType="refund", transactionId="t2", originalTransactionId="t1", product="pro", price=9,
            currency="USD", isTrial=False, startDateMs=T0, expiresDateMs=T0 + 1000, gracePeriod=3,
        ),
        {
            "event": "Subscription", "amount": -9, "currency": "USD",
            "params": {
                "action": "refund", "transaction_id": "t2", "original_transaction_id": "t1", "product": "pro",
                "is_trial": False, "starts_at": "2026-01-02T03:04:05.678Z", "expires_at": "2026-01-02T03:04:06.678Z",
                "grace_days": 3,
            },
        },
    ),
    (
        said("adrv", network="Ads", revenue=0.02, placement="menu", unit="banner", source="sdk"),
        {
            "event": "Ad Shown", "amount": 0.02, "currency": "USD", "amount_usd": 0.02,
            "params": {"network": "Ads", "placement": "menu", "unit": "banner", "source": "sdk"},
        },
    ),
    (said("sc", socialNetwork="fb"), {"event": "Social Connected", "params": {"social": "fb"}}),
    (
        said("sp", socialNetwork="fb", postReason="won", isCheater=True),
        {"event": "Social Posted", "is_cheater": True, "params": {"social": "fb", "reason": "won"}},
    ),
    (
        said("rf", source="search", medium="cpc", content="ad 1", campaign="new", term="game"),
        {
            "event": "Referred",
            "session": {"source_channel": "search", "source_campaign": "new", "source_ad": "ad 1",
                        "source_keyword": "game"},
            "params": {"source": "search", "medium": "cpc", "content": "ad 1", "campaign": "new", "term": "game"},
        },
    ),
    (said("ts", trackingAllowed=False), {"event": "Tracking Changed", "params": {"allowed": False}}),
    (
        said("pl", parameters={"name": "Ana", "gender": 2, "age": 30, "cheater": True, "vip": None, "guild": "x"}),
        {
            "event": "identify", "kind": "identify",
            "profile": {"name": "Ana", "gender": "female", "birth_year": 1996, "is_cheater": True,
                        "attributes": {"age": 30, "vip": None, "guild": "x"}},
        },
    ),
    (
        said("ce", name="Level Up", parameters={"name": "x", "level": 3, "n": [1, {"a": None}]}),
        {"event": "Level Up", "kind": None, "params": {"name": "x", "level": 3, "n": [1, {"a": None}]}},
    ),
    (said("zz", colour="red"), {"event": "zz", "kind": None, "params": {"colour": "red"}}),
]  # fmt: skip


def native(record: Row, at: int) -> Row:
    """A native record with what all have; of its session and profile it may say more."""
    session = {"locale": "en", "country": "US", "ip": "154.12.121.11", "app_version": "1.0", "app_build": "7"}
    shared = {"time": at, "device_id": "d1", "user_id": "u1", "session_id": "1767323045", "level": 7}
    return {"kind": "standard"} | shared | record | {"session": session | record.get("session", {})}


def test_the_same_events_sent_natively_give_equal_rows(house: House) -> None:
    """Each code of the document, and the native event that docs/fields.md has for it, are the same row of an export
    but for ids and arrival; each standard event that there is takes part. Nothing native is warned of.
    """
    waves, tides = (scope_of_app(house.database, app) for app in ("app_waves", "app_tides"))
    events = [{**event, "timestamp": T0 + place} for place, (event, _) in enumerate(EVENTS)]
    records = [native(record, T0 + place) for place, (_, record) in enumerate(EVENTS)]
    with live(house) as http:
        assert took(post(http, report(*events))) == len(EVENTS)
        answer = http.post("/v1/events", json={"batch": records}, headers={"authorization": "Bearer wk_tides"})
        assert answer.json() == {"received": len(EVENTS), "accepted": len(EVENTS), "rejected": []}
    arrival = {"id", "received_at", "available_at"}
    one, other = ([{k: v for k, v in row.items() if k not in arrival} for row in rows_of(house, scope)]
                  for scope in (waves, tides))  # fmt: skip
    assert one == other
    assert {row["event"] for row in one if row.get("kind") == "standard"} == set(STANDARD_EVENTS)
    assert [row["event"] for row in one] == [record["event"] for _, record in EVENTS]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_bodies_come_plain_gzip_or_zstd_and_a_resend_is_stored_once(house: House, scope: Scope) -> None:
    """The same report in all three codings, under the types of the document, is one report; equal events in it are
    two, also where a resend groups and spells them otherwise; without a timestamp each copy is kept.
    """
    twice = [said("tr", step=1), said("tr", step=1)]
    body = json.dumps(report(*twice)).encode()
    other = json.dumps(report(twice[0], said("al"), dict(reversed(twice[1].items())), language="de"), indent=1)
    with live(house) as http:
        for content, kind in ((body, "json"), (gzip.compress(body), "gzip"), (zstandard.compress(body), "zstd")):
            assert took(post(http, content, **{"content-type": f"application/{kind}"})) == 2
        assert took(post(http, other.encode())) == 3
        for _ in range(2):
            assert took(post(http, report({"code": "ss"}))) == 1
    assert sorted(row["event"] for row in rows_of(house, scope)) == sorted(
        ["Tutorial Step", "Tutorial Step", "Alive", "Session Started", "Session Started"]
    )
    found = ledger(house.database, scope)
    assert (found.received, found.duplicates, found.holds) == (11, 6, True)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_former_ids_are_aliases_stored_once(house: House, scope: Scope) -> None:
    """A device and a user that were renamed: an alias for each former id, in the session of the report's first event,
    once however often it is repeated; a former id that is the present one is none. A number stands for both ids.
    """
    renamed = IDS | {"previousDeviceId": "d0", "previousUserId": "u0"}
    with live(house) as http:
        assert took(post(http, report(said("ss"), ids=renamed))) == 3
        assert took(post(http, report(said("al", T0 + 1), ids=renamed))) == 3
        assert took(post(http, report(said("al", T0 + 2), ids=IDS | {"previousUserId": "u1"}))) == 1
        assert took(post(http, report(said("al", T0 + 3), ids={"devtodevId": 6123517}))) == 1
    rows = rows_of(house, scope)
    aliases = [row for row in rows if row.get("kind") == "alias"]
    assert sorted(row["params"]["previous_id"] for row in aliases) == ["d0", "u0"]
    assert {(row["actor"], row["user_id"], row["session_id"]) for row in aliases} == {("d1", "u1", "1767323045")}
    assert [row["event"] for row in rows if row not in aliases] == ["Session Started", "Alive", "Alive", "Alive"]
    assert (rows[-1]["actor"], rows[-1]["device_ids"]) == ("6123517", {"devtodev_id": "6123517"})


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_nothing_that_cannot_be_read_is_lost(house: House, scope: Scope) -> None:
    """Values of other types than the document's stay where the next reader finds them: parameters of the event,
    properties of the session, attributes of the user.
    """
    odd = said("pe", name=7, duration="long", level="top", spent="much", isTester="yes")
    huge = 123456789012345678901234567890
    with live(house) as http:
        package: Row = {"country": ["US"], "sdkCodeVersion": 9, "appVersion": 1.5}
        assert took(post(http, report(odd, said("pl", T0 + 1, parameters={"gender": 9, "big": huge}), **package))) == 2
    first, second = rows_of(house, scope)
    params = {"location": 7, "duration": "long", "level": "top", "spent": "much", "isTester": "yes"}
    assert first["params"] == params
    assert {"duration_ms", "level", "is_tester"} & set(first) == set()
    assert first["session_properties"] == {"country": ["US"], "sdkCodeVersion": 9}
    assert first["app_version"] == "1.5"
    assert second["profile"] == {"attributes": {"gender": 9, "big": huge}}


BROKEN: list[tuple[bytes, str]] = [
    (b'{"code":"tr","timestamp":"yesterday"}', "timestamp: must be milliseconds since 1970"),
    (b'{"timestamp":1767323045678}', "code: a text is needed"),
    (b'{"code":"ce","timestamp":1767323045678}', "event: a name is needed"),
    (b'"tr"', "Expected `object`, got `str`"),
    (b'{"code":"tr","timestamp":1e30}', "timestamp: must be milliseconds since 1970"),
    (b'{"code":"tr","x":' + b"[" * 5000 + b"]" * 5000 + b"}", "nested"),
    (b'{"code":"tr" "step":1}', "JSON is malformed: expected ',' or '}'"),
]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_one_bad_record_never_fails_its_batch(house: House, scope: Scope) -> None:
    """Events that cannot be read, packages and reports that cannot be opened: each a dead letter with its reason and
    no key of the app's, the good ones around them stored; a body that is no report is 400.
    """
    events = [b'{"code":"ss"}', *(event for event, _ in BROKEN), b'{"code":"al"}']
    good = b'{"deviceId":"d","packages":[{"events":[%b]},{"events":7}]}' % b",".join(events)
    nobody = b'{"packages":[{"events":[{"code":"al"}]}]}'
    with live(house) as http:
        answer = post(http, b'{"reports":[%b,7,%b]}' % (good, nobody))
        assert answer.status_code == 200
        assert answer.json()["accepted"] == 2
        reasons = [one["reason"] for one in answer.json()["rejected"]]
        for body in (b"", b"{}", b"[]", b"nothing", b'{"reports":{}}', b'{"reports":[', b"\x1f\x8bno gzip"):
            assert post(http, body).status_code == 400, body
        for key in ("", "wk_nobody"):
            refused = post(http, report(said("ss")), key=key)
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    for reason, (_, expected) in zip(reasons, BROKEN, strict=False):
        assert reason.startswith(expected)
    assert [reason.partition(":")[0] for reason in reasons[len(BROKEN) :]] == [
        "an object with the array events is needed",
        "an object with the array packages is needed",
        "no identity",
    ]
    letters = [find(house.database, scope, one.number).letter for one in listing(house.database, scope)]
    assert len(letters) == len(reasons)
    assert not any("wk_waves" in letter.context or b"wk_waves" in letter.raw for letter in letters)
    assert ledger(house.database, scope).holds


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_dead_letter_is_replayed_as_it_would_have_been_read(house: House, scope: Scope) -> None:
    """An event that was too long for a limit is taken after the limit was raised, with its sender, as the same event
    that a resend by the SDK now brings.
    """
    body = report(said("ce", name="n" * 2000))
    with live(house) as http:
        assert [one["reason"] for one in post(http, body).json()["rejected"]] == ["event: longer than 1024 bytes"]
        (letter,) = listing(house.database, scope)
        with house.database.write() as connection:
            set_limits(connection, {"ingest.max_text_bytes": 4096})
        door = door_of(house.database, scope)
        assert replay(house.database, door, letter.number, house.clock.now, Actor(scope.space, "op")).records == 1
        assert took(post(http, body)) == 1
    (row,) = rows_of(house, scope)
    assert (row["event"], row["device_id"], row["country"]) == ("n" * 2000, "d1", "US")
