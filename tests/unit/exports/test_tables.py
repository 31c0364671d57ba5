"""The shape `tables` against a naive grouping of what was sent."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from tailrace.exports import users as users_module
from tailrace.exports.layout import TABLE_COLUMNS, USER_FIELDS
from tailrace.model.clock import DAY, HOUR
from tailrace.model.export import Filters
from tailrace.model.predicates import parse_predicates
from tailrace.store import batches as batches_module
from tests.effort import seeds
from tests.sending import T0, Content, Row, event, export, request
from tests.unit.exports.histories import NAMES, Store, Told, history

TABLES: dict[str, Any] = {"shape": "tables", "split": "event"}
KNOWN = tuple(field.name for field in USER_FIELDS)
ASKED: list[dict[str, Any]] = [
    {},
    {"events": ["go", "never"]},
    {"axis": "session_start", "start": T0, "end": T0 + DAY},
    {"start": T0 + HOUR, "end": T0 + 30 * HOUR},
    {"filters": Filters(where=parse_predicates([{"param": "n", "op": "gte", "value": 4}]))},
]


def tables(found: Sequence[Content]) -> dict[str, list[Row]]:
    """Tables of events by name."""
    return {one.entry["key"]: one.rows for one in found if one.entry["of"] == "rows"}


def users(found: Sequence[Content]) -> list[Row]:
    """The users table; it comes first, and once."""
    (one,) = (one for one in found if one.entry["of"] == "users")
    assert one is found[0]
    assert one.entry["key"] is None
    return one.rows


def wide(row: Row) -> Row:
    """A row of events as its table has it: its parameters are columns, but for null."""
    params = json.loads(json.dumps(row.get("params", {})))
    return {name: row[name] for name in TABLE_COLUMNS if name in row} | {
        f"params.{key}": value for key, value in sorted(params.items()) if value is not None
    }


def people(events: Sequence[Row]) -> list[Row]:
    """The naive users table of rows of events."""
    by_user: dict[int, list[Row]] = defaultdict(list)
    order = ("session_start", "session_number", "fragment")
    for row in sorted(events, key=lambda row: tuple(row[name] for name in order)):
        by_user[row["user_number"]].append(row)
    return [person(rows) for _, rows in sorted(by_user.items())]


def person(rows: Sequence[Row]) -> Row:
    """What the newest session knows, of it the newest fragment, and counts."""
    known = {name: row[name] for row in rows for name in KNOWN if name in row}
    counts = {"sessions": len({row["session_number"] for row in rows}), "events": len(rows)}
    return known | counts | {"last_session_start": max(row["session_start"] for row in rows)}


@pytest.mark.parametrize("seed", seeds(3))
def test_tables_are_the_events_by_name(told: Told, seed: int) -> None:
    """Each name has a table of just its events, in the usual order, parameters as columns; users are all who made them.

    Under any filters: a user counts sessions and events of the export only, and shows what was known last.
    """
    store = told(seed)
    for asked in ASKED:
        columns = tuple(dict.fromkeys((*TABLE_COLUMNS, *KNOWN, "event", "params", "session_number", "fragment")))
        events = store.rows(**asked, columns=columns)
        manifest, found = store.contents(**asked, **TABLES)
        wanted = {name: [wide(row) for row in events if row["event"] == name] for name in NAMES}
        assert tables(found) == {name: rows for name, rows in wanted.items() if rows}, asked
        assert users(found) == people(events), asked
        assert manifest["rows"] == len(events)


def test_users_count_what_was_sent(told: Told) -> None:
    """Every user once, with the events that were sent for them, and the name that they were last given."""
    store = told()
    found = users(store.contents(**TABLES)[1])
    assert {row["actor"]: row["events"] for row in found} == Counter(record["device_id"] for record in store.sent)
    assert [row["user_number"] for row in found] == sorted(row["user_number"] for row in found)


def test_a_value_that_only_an_older_fragment_knows(store: Store) -> None:
    """A late fragment that says nothing of the user does not hide what the first one said."""
    store.wave([event("e", T0, session="s1", profile={"name": "Ana"})])
    store.wave([event("e", T0 + 1, session="s1", profile={"gender": "f"})])
    store.wave([event("e", T0 + DAY, session="s2") | {"session": {"country": "DE"}}])
    (row,) = users(store.contents(**TABLES)[1])
    assert {name: row.get(name) for name in ("user_name", "gender", "country")} == {
        "user_name": "Ana",
        "gender": "f",
        "country": "DE",
    }
    assert (row["sessions"], row["events"]) == (2, 3)


def test_many_users_in_groups(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of numbers, tiny batches and early merging change no byte of any table."""
    store = told()
    before = [(one.entry["key"], one.data) for one in store.contents(**TABLES)[1]]
    monkeypatch.setattr(users_module, "GROUP", 2)
    monkeypatch.setattr(users_module, "_FLUSH_ROWS", 1)
    monkeypatch.setattr(batches_module, "BATCH_EVENTS", 2)
    assert [(one.entry["key"], one.data) for one in store.contents(**TABLES)[1]] == before


@pytest.mark.parametrize(
    ("format_", "packing"), [("parquet", "none"), ("parquet", "zip"), ("json", "zip"), ("csv", "zstd")]
)
def test_tables_in_other_forms(told: Told, format_: str, packing: str) -> None:
    """The same keys and counts of rows in files and archives of other formats."""
    store = told()
    form = TABLES | {"format": format_, "packing": packing}
    plain, other = (store.contents(**asked)[1] for asked in (TABLES, form))
    assert [(one.entry["key"], one.entry["of"], len(one.rows)) for one in other] == [
        (one.entry["key"], one.entry["of"], len(one.rows)) for one in plain
    ]


def test_a_chain_of_tables(store: Store) -> None:
    """Each increment has the tables and users of its own events; together they hold each event once."""
    cursor, seen = None, []
    for seed in range(3):
        history(store, seed, size=6)
        asked = request(store.scope, **TABLES, after=cursor)
        manifest, rows = export(store.house, store.scope, asked)
        cursor = manifest["cursor"]
        ids = [row["id"] for row in rows if "id" in row]
        assert sum(row["events"] for row in rows if "events" in row) == len(ids) == manifest["rows"]
        seen += ids
    assert sorted(seen) == sorted(record["id"] for record in store.sent)


def test_nothing_is_no_table(told: Told) -> None:
    """Without an event there are no tables and no users."""
    store = told(size=6)
    assert store.contents(**TABLES, events=["never"])[1] == []
