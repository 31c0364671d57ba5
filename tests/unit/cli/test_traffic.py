"""The demo traffic: the same records for the same arguments, of the native API's shape, and plausible."""

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import chain, groupby, pairwise
from typing import Any

import pytest

from tailrace.cli.traffic import APPS, DemoApp, batches
from tailrace.cli.traffic_catalogue import AWKWARD
from tailrace.cli.traffic_plan import DAY_MS, HOUR_MS, REST_MS, zone_offset_ms

Record = dict[str, Any]

MIDNIGHT_MS = 20_400 * DAY_MS
UNTIL_MS = MIDNIGHT_MS + 21 * HOUR_MS + 1234
EVENTS = 12_000

RECORD_KEYS = {"id", "event", "time", "user_id", "session_id", "device_id"} | {
    "params", "session", "profile", "page", "kind",
}  # fmt: skip
SESSION_KEYS = {
    "app_version", "app_build", "sdk_name", "sdk_version", "platform", "os_name", "os_version", "device_model",
    "device_submodel", "device_manufacturer", "device_type", "screen_resolution", "browser_name", "browser_version",
    "user_agent", "locale", "timezone", "timezone_offset_ms", "country", "region", "city", "latitude", "longitude",
    "device_ids", "properties", "source_campaign", "source_publisher", "end",
}  # fmt: skip
PROFILE_KEYS = {"gender", "birth_year", "name", "email", "level", "is_paying", "attributes"}
PAGE_KEYS = {"id", "url", "referrer", "title"}


def told(app: DemoApp, **other: int) -> list[Record]:
    """All records of one run."""
    arguments = {"until_ms": UNTIL_MS, "events": EVENTS} | other
    return list(chain.from_iterable(batches(app, **arguments)))


def by_session(records: list[Record]) -> list[list[Record]]:
    """The records of each session, in the order they came."""
    return [list(rows) for _, rows in groupby(records, key=lambda record: record["session_id"])]


def at_ms(record: Record) -> int:
    """The record's time in milliseconds since 1970."""
    return round(datetime.fromisoformat(record["time"]).timestamp() * 1000)


@pytest.fixture(scope="module", params=APPS, ids=lambda app: app.id)
def app(request: pytest.FixtureRequest) -> DemoApp:
    """Each demo app in turn."""
    found: DemoApp = request.param
    return found


@pytest.fixture(scope="module")
def records(app: DemoApp) -> list[Record]:
    """One run of the app, told once for all tests that only look."""
    return told(app)


def test_apps_have_their_documented_ids_and_keys() -> None:
    """The demo's keys can be written down in the docs: they are the app's id behind `wk_`."""
    assert [app.id for app in APPS] == ["demo_puzzle", "demo_fitness", "demo_shop"]
    assert all(app.write_key == f"wk_{app.id}" for app in APPS)


def test_same_arguments_give_the_same_records(app: DemoApp, records: list[Record]) -> None:
    """Nothing but the arguments enters, so a demo that is loaded twice sends the same ids with the same content."""
    assert json.dumps(told(app)) == json.dumps(records)


def test_another_seed_or_end_gives_other_events(app: DemoApp, records: list[Record]) -> None:
    """Runs that differ never share an id, else the server would take one's events for duplicates of the other's."""
    ids = {record["id"] for record in records}
    for other in (told(app, seed=8), told(app, until_ms=UNTIL_MS + DAY_MS), told(app, events=EVENTS - 1)):
        assert ids.isdisjoint(record["id"] for record in other)


def test_apps_never_share_an_id() -> None:
    """Three apps with one seed are three independent streams."""
    ids = Counter(record["id"] for app in APPS for record in told(app, events=3000))
    assert max(ids.values()) == 1


def test_size_only_cuts_the_batches(app: DemoApp, records: list[Record]) -> None:
    """Every batch but the last is full, and where they are cut changes no record."""
    cut = list(batches(app, until_ms=UNTIL_MS, events=EVENTS, size=700))
    assert [len(batch) for batch in cut] == [700] * 17 + [100]
    assert list(chain.from_iterable(cut)) == records


@pytest.mark.parametrize("events", [0, 1, 2, 499, 5000])
def test_total_is_exact(app: DemoApp, events: int) -> None:
    """`events` is the exact total, not about it, so that a demo can say what an export must hold."""
    assert len(told(app, events=events)) == events


def test_ids_are_unique(records: list[Record]) -> None:
    """No event of a run is a duplicate of another."""
    assert len({record["id"] for record in records}) == len(records) == EVENTS


def test_times_lie_in_the_period(records: list[Record]) -> None:
    """Every event lies in the 30 UTC days and before the end; the text says milliseconds and Z."""
    assert all(MIDNIGHT_MS - 29 * DAY_MS <= at_ms(record) < UNTIL_MS for record in records)
    assert all(len(record["time"]) == 24 and record["time"][-5] == "." for record in records)
    assert all(record["time"].endswith("Z") for record in records)


def test_times_are_sorted_inside_each_session(records: list[Record]) -> None:
    """A session is told in order, and no pause in it is long enough for the server to end it."""
    for session in by_session(records):
        times = [at_ms(record) for record in session]
        assert times == sorted(times)
        assert all(later - earlier < REST_MS for earlier, later in pairwise(times))


def test_sessions_come_in_order_of_their_start(records: list[Record]) -> None:
    """The stream is chronological by session start, and a session is never taken up again."""
    sessions = by_session(records)
    starts = [at_ms(session[0]) for session in sessions]
    assert starts == sorted(starts)
    assert len(sessions) == len({session[0]["session_id"] for session in sessions})


def test_a_session_has_one_device_and_one_user(records: list[Record]) -> None:
    """Device and log-in do not change within a session."""
    for session in by_session(records):
        assert len({(record["device_id"], record.get("user_id")) for record in session}) == 1


def test_a_device_is_in_one_session_at_a_time(records: list[Record]) -> None:
    """Sessions of one device are apart by more than the inactivity that ends them."""
    ended: dict[str, int] = {}
    for session in by_session(records):
        device = session[0]["device_id"]
        assert at_ms(session[0]) >= ended.get(device, 0) + REST_MS
        ended[device] = at_ms(session[-1])


def test_every_day_has_traffic(records: list[Record]) -> None:
    """The events are spread over all 30 days, none of them poor."""
    per_day = Counter(record["time"][:10] for record in records)
    days = [datetime.fromtimestamp((MIDNIGHT_MS - n * DAY_MS) / 1000, UTC).date().isoformat() for n in range(30)]
    assert set(per_day) == set(days)
    assert min(per_day.values()) > EVENTS / 30 / 4


@pytest.mark.parametrize("passed_ms", [0, 1, 60_000])
def test_one_day_just_around_midnight(app: DemoApp, passed_ms: int) -> None:
    """The smallest periods hold too: nothing at or after the end, nothing before the first midnight."""
    until_ms = MIDNIGHT_MS + passed_ms
    first = MIDNIGHT_MS - DAY_MS if passed_ms == 0 else MIDNIGHT_MS
    times = [at_ms(record) for record in told(app, until_ms=until_ms, days=1, events=300)]
    assert len(times) == 300
    assert all(first <= time < until_ms for time in times)


def test_nights_are_quieter_than_days(records: list[Record]) -> None:
    """Sessions follow the clock of the place where they happen: few start between 2 and 5 in the morning."""
    first = [session[0] for session in by_session(records)]
    hours = Counter((at_ms(row) + row["session"]["timezone_offset_ms"]) % DAY_MS // HOUR_MS for row in first)
    assert sum(hours[hour] for hour in (2, 3, 4)) < 0.25 * sum(hours[hour] for hour in (18, 19, 20))


def test_time_zone_offset_is_right(records: list[Record]) -> None:
    """The offset sent is the one of the session's zone at its start, in milliseconds."""
    assert zone_offset_ms("Asia/Kathmandu", MIDNIGHT_MS // HOUR_MS) == 20_700_000
    for session in by_session(records)[:200]:
        facts = session[0]["session"]
        assert facts["timezone_offset_ms"] == zone_offset_ms(facts["timezone"], at_ms(session[0]) // HOUR_MS)


def test_keys_come_from_the_native_api(records: list[Record]) -> None:
    """No record, session, profile or page holds a key that the native API does not know."""
    for record in records:
        assert RECORD_KEYS >= set(record) >= {"id", "event", "time", "session_id", "device_id", "params"}
        assert set(record.get("session", {})) <= SESSION_KEYS
        assert set(record.get("profile", {})) <= PROFILE_KEYS
        assert set(record.get("page", {})) <= PAGE_KEYS
        assert record.get("kind", "track") in {"track", "screen", "page"}


def test_session_facts_come_first_and_the_end_last(records: list[Record]) -> None:
    """What is known of a session goes with its first event only, `end` with its last only, the profile once."""
    for session in by_session(records):
        ends = [record.get("session", {}).get("end") for record in session]
        assert ends == [None] * (len(session) - 1) + [True]
        assert session[0]["session"]["platform"] in {"ios", "android", "web"}
        assert all("session" not in record for record in session[1:-1])
        assert all("profile" not in record for record in session[1:])
        assert len(session) == 1 or session[-1]["session"] == {"end": True}


def test_only_the_web_has_pages_and_browsers(records: list[Record]) -> None:
    """Browser, user agent and pages belong to web sessions; native apps show screens."""
    for session in by_session(records):
        web = session[0]["session"]["platform"] == "web"
        assert ("browser_name" in session[0]["session"]) == web
        assert ("user_agent" in session[0]["session"]) == web
        assert all(("page" in record) == web for record in session if record.get("kind"))
        assert {record.get("kind", "track") for record in session} <= {"track", "page" if web else "screen"}


def test_about_sixty_percent_are_logged_in(records: list[Record]) -> None:
    """Logged-in sessions are the larger part; profiles are sent for them alone."""
    first = [session[0] for session in by_session(records)]
    assert 0.5 < sum("user_id" in row for row in first) / len(first) < 0.7
    assert all("user_id" in row for row in first if "profile" in row)
    assert all(row["profile"]["email"].endswith("@example.com") for row in first if "profile" in row)


def test_some_return_and_most_do_not(records: list[Record]) -> None:
    """Visits follow a power law: the busiest tenth of the devices has over a third of the sessions."""
    visits = sorted(Counter(session[0]["device_id"] for session in by_session(records)).values(), reverse=True)
    assert sum(visits[: len(visits) // 10]) > sum(visits) / 3
    assert visits[len(visits) // 2] <= 4
    assert visits[-1] == 1


def test_event_names_are_few_and_unequal(app: DemoApp) -> None:
    """The default run has 10 to 20 event names; as in a zipf law few are common, most are rare."""
    names = Counter(record["event"] for record in told(app, events=60_000)).most_common()
    assert 10 <= len(names) <= 20
    assert names[0][1] > 5 * names[9][1]
    assert names[0][1] > 50 * names[-1][1]


def test_versions_roll_out(records: list[Record]) -> None:
    """The first and the last week have no common majority version, and no release comes before its day."""
    weeks: list[Counter[str]] = [Counter(), Counter()]
    for session in by_session(records):
        passed = (at_ms(session[0]) - (MIDNIGHT_MS - 29 * DAY_MS)) / DAY_MS
        if passed < 7 or passed > 23:
            weeks[passed > 23][session[0]["session"]["app_version"]] += 1
    assert weeks[0].most_common(1)[0][0] != weeks[1].most_common(1)[0][0]
    assert max(weeks[1]) not in weeks[0]


def test_params_have_every_type(records: list[Record]) -> None:
    """Integers, floats, texts, booleans, arrays and objects all occur; a value that is no JSON never does."""
    kinds = {type(value) for record in records for value in record["params"].values()}
    assert kinds == {int, float, str, bool, list, dict}
    assert json.loads(json.dumps(records, allow_nan=False)) == records


def test_awkward_texts_occur(records: list[Record]) -> None:
    """Quotes, commas, line ends, formulas, right-to-left text and emoji all reach the export."""
    texts = {value for record in records for value in record["params"].values() if isinstance(value, str)}
    assert len(texts & set(AWKWARD)) > len(AWKWARD) * 3 / 4
    sent = json.dumps(records, ensure_ascii=False)
    assert all(piece in sent for piece in ('\\"', "\\n", "=1+1", "🎉", "مرحبا", "東京", "Київ"))


def test_a_level_ends_only_after_it_began() -> None:
    """In the puzzle every end of a level follows the start of the same level in the same session."""
    for session in by_session(told(APPS[0])):
        begun = None
        for record in session:
            if record["event"] == "level_start":
                begun = record["params"]["level"]
            if record["event"] in {"level_complete", "level_fail"}:
                assert record["params"]["level"] == begun
                begun = None


def test_orders_add_up() -> None:
    """In the shop an order follows a checkout and its total is its lines plus shipping, in one currency."""
    orders = 0
    for session in by_session(told(APPS[2])):
        names = [record["event"] for record in session]
        for number, record in enumerate(session):
            if record["event"] == "order_completed":
                params = record["params"]
                lines = sum(line["price"] * line["quantity"] for line in params["products"])
                assert params["total"] == pytest.approx(lines + params["shipping"], abs=0.006)
                assert {"product_added", "checkout_started"} <= set(names[:number])
                orders += 1
    assert orders > 50


def test_purchases_have_price_and_currency() -> None:
    """Revenue of both subscription and game is a positive price with a three-letter currency."""
    sold = [
        record["params"] for app in APPS[:2] for record in told(app, events=60_000) if record["event"] == "purchase"
    ]
    assert len(sold) > 50
    assert all(params["price"] > 0 and len(params["currency"]) == 3 for params in sold)
