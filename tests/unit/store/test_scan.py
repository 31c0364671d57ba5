"""The scan against a naive oracle over what was sent."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.access import Scope
from tailrace.model.export import Filters
from tailrace.model.window import Window
from tailrace.store import batches as batches_module
from tailrace.store import segments as segments_module
from tailrace.store.scan import Selection, can_match, scan
from tailrace.store.snapshots import visible
from tailrace.wiring import House
from tests.sending import T0, event, seal, send
from tests.unit.store.history import COLUMNS, History, Row, build, scanned, wanted
from tests.unit.store.selections import selections

EVERYTHING = Selection(Window("available", None, None), Filters(), COLUMNS)


def as_rows(rows: Sequence[Row], columns: Sequence[str]) -> Counter[tuple[Any, ...]]:
    """Rows as a multiset."""
    return Counter(tuple(row[name] for name in columns) for row in rows)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("small", [False, True])
def test_a_selection_means_what_the_oracle_says(
    house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch, *, small: bool
) -> None:
    """Any window, filters, increment and columns give the events that a naive loop keeps, with their values.

    Also when row groups and batches are tiny, so that each boundary is crossed; and what the statistics rule out
    holds nothing. Only files are read here.
    """
    if small:
        monkeypatch.setattr(segments_module, "ROW_GROUP_EVENTS", 3)
        monkeypatch.setattr(batches_module, "BATCH_EVENTS", 2)
    history = build(house, scope)

    @settings(max_examples=40, deadline=None)
    @given(selections(history))
    def check(selection: Selection) -> None:
        expected = [row for row in history.rows if wanted(row, selection)]
        found = scanned(house, history.segments, history.available, selection)
        assert as_rows(found, selection.columns) == as_rows(expected, selection.columns)
        ruled_out = [segment for segment in history.segments if not can_match(segment, selection)]
        assert scanned(house, ruled_out, history.available, selection) == []

    check()


def test_numbers_are_dense_and_stay(house: House, scope: Scope) -> None:
    """Events are numbered 0, 1, 2 … in the order of their commits; later commits change no number.

    A session keeps the number of its first fragment, and no two sessions share one. The same in every app.
    """
    numbered = replace(EVERYTHING, columns=("id", "number", "session_id", "session_number", "fragment"))
    other = scope_of_app(house.database, "app_tides")
    send(house, other, [event("e", T0)])
    seal(house, other)
    history = build(house, scope)
    rows = scanned(house, history.segments, history.available, numbered)
    seq_of = {row["id"]: row["_seq"] for row in history.rows}
    by_number = sorted(rows, key=lambda row: row["number"])
    assert [row["number"] for row in by_number] == list(range(len(history.rows)))
    assert [seq_of[row["id"]] for row in by_number] == sorted(seq_of.values())
    sessions = {(row["session_id"], row["session_number"]) for row in rows}
    assert len(sessions) == len({name for name, _ in sessions}) == len({number for _, number in sessions})
    assert_stable(house, scope, numbered, {row["id"]: row for row in rows})


def assert_stable(house: House, scope: Scope, numbered: Selection, before: dict[str, Row]) -> None:
    """After one more commit every earlier row is as it was."""
    send(house, scope, [event("more", T0, device="d9", session="s9")])
    seal(house, scope)
    with house.database.read() as connection:
        segments = visible(connection, scope, 5)
    after = scanned(house, segments, dict.fromkeys(range(9), 0), numbered)
    assert {row["id"]: row for row in after if row["id"] in before} == before


def test_a_snapshot_never_grows(house: House, scope: Scope, history: History) -> None:
    """Segments visible at a seq are the same whatever was committed since; increments cut them without a rest."""
    with house.database.read() as connection:
        for seq in range(5):
            found = scanned(house, visible(connection, scope, seq), history.available, EVERYTHING)
            assert {row["id"] for row in found} == {row["id"] for row in history.rows if row["_seq"] <= seq}
            for after in range(seq + 1):
                part = visible(connection, scope, seq, after=after)
                assert {segment.added_seq for segment in part} == set(range(after + 1, seq + 1))


def test_rows_come_in_one_order(house: House, history: History) -> None:
    """Order of output: day of the session's start, commit, stored order, in which a fragment's events follow time."""
    rows = scanned(house, history.segments, history.available, replace(EVERYTHING, columns=(*COLUMNS, "number")))
    place = {row["id"]: row["_seq"] for row in history.rows}
    keys = [(row["session_start"] // 86_400_000, place[row["id"]], row["number"]) for row in rows]
    assert keys == sorted(keys)
    for one, two in pairwise(rows):
        if (one["session_id"], one["fragment"]) == (two["session_id"], two["fragment"]):
            assert one["time"] <= two["time"]


def test_a_segment_that_is_gone_is_an_error(house: House, history: History) -> None:
    """A file that is missing under a committed segment is never an empty result."""
    house.files.delete(history.segments[0].location.object)
    with pytest.raises(FileNotFoundError):
        list(scan(house.files, history.segments[0], {}, EVERYTHING))
