"""Sessions found in columns, against the rules applied record by record in the plainest way."""

from collections import defaultdict
from dataclasses import dataclass

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.ingest.grouping import Groups, SessionRules, group
from tailrace.store.schema import RECORD_SCHEMA

RULES = SessionRules(inactivity=10, longest=40)


@dataclass(frozen=True)
class Record:
    """What grouping looks at; records stand in order of arrival."""

    actor: str
    session: str | None
    time: int
    arrived: int
    end: bool


def naive(records: list[Record]) -> list[list[int]]:
    """The sessions as lists of record numbers: sort, then walk, and begin anew where the rules say so."""
    by_visitor: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        by_visitor[(record.actor, record.session or None)].append(number)
    found: list[list[int]] = []
    for (_, session), numbers in by_visitor.items():
        stretches: list[list[int]] = []
        for number in sorted(numbers, key=lambda n: (records[n].time, n)):
            last = records[stretches[-1][-1]] if stretches else None
            parted = (
                last is not None
                and session is None
                and (records[number].time - last.time > RULES.inactivity or last.end)
            )
            if last is None or parted:
                stretches.append([])
            stretches[-1].append(number)
        for stretch in stretches:
            piece: list[int] = []
            for number in stretch:
                if piece and records[number].time - records[piece[0]].time >= RULES.longest:
                    found.append(piece)
                    piece = []
                piece.append(number)
            found.append(piece)
    return found


def table(records: list[Record]) -> pa.Table:
    """The columns of some records."""
    columns = {
        "actor_hash": [record.actor.encode().ljust(16, b"_") for record in records],
        "session_id": [record.session for record in records],
        "time": [record.time for record in records],
        "received_at": [record.arrived for record in records],
        "session_end": [record.end or None for record in records],
    }
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(len(records), f.type)
        for f in RECORD_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=RECORD_SCHEMA)


def members(found: Groups, place: int) -> list[int]:
    """The record numbers of a group."""
    rows: list[int] = found.order[found.first[place] : found.first[place + 1]].tolist()
    return rows


RECORDS = st.lists(
    st.builds(
        Record,
        actor=st.sampled_from("ab"),
        session=st.sampled_from([None, "", "s", "t"]),
        time=st.integers(0, 120),
        arrived=st.integers(0, 60),
        end=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(RECORDS)
def test_groups_are_those_of_the_rules(records: list[Record]) -> None:
    """The same sessions as the plain walk finds, each record in one of them, in order of time and arrival."""
    found = group(table(records), RULES)
    groups = [members(found, place) for place in range(len(found))]
    assert sorted(groups) == sorted(naive(records))
    for place, numbers in enumerate(groups):
        mine = [records[number] for number in numbers]
        assert found.start[place] == min(r.time for r in mine) == mine[0].time
        assert found.end[place] == max(r.time for r in mine) == mine[-1].time
        assert found.arrived[place] == min(r.arrived for r in mine)
        assert found.last_arrived[place] == max(r.arrived for r in mine)
        assert bool(found.ended[place]) == any(r.end for r in mine)
    assert found.sizes().tolist() == [len(numbers) for numbers in groups]


@settings(max_examples=200, deadline=None)
@given(RECORDS, st.integers(60, 130))
def test_complete_is_what_the_rules_call_complete(records: list[Record], now: int) -> None:
    """Ended, cut for its length, silent since its last arrival, or open for too long; due at the first such moment."""
    found = group(table(records), RULES)
    complete = found.complete(now, RULES)
    for place in range(len(found)):
        mine = [records[number] for number in members(found, place)]
        after = [p for p in range(len(found)) if p != place and members(found, p) and same(records, found, place, p)]
        cut = any(
            found.start[p] - found.start[place] >= RULES.longest and follows(records, found, place, p) for p in after
        )
        silent = now - max(r.arrived for r in mine) >= RULES.inactivity
        old = now - min(r.arrived for r in mine) >= RULES.longest
        assert bool(complete[place]) == (any(r.end for r in mine) or silent or old or cut), mine
    due = found.due_at(~complete, RULES)
    if due is not None:
        assert not (found.complete(due - 1, RULES) & ~complete).any()
        assert (found.complete(due, RULES) & ~complete).any()


def same(records: list[Record], found: Groups, one: int, other: int) -> bool:
    """Whether two groups are of one visitor."""
    a, b = records[members(found, one)[0]], records[members(found, other)[0]]
    return (a.actor, a.session or None) == (b.actor, b.session or None)


def follows(records: list[Record], found: Groups, one: int, other: int) -> bool:
    """Whether a group goes on right after another one, parted from it by the limit of length and nothing else."""
    last, first = records[members(found, one)[-1]], records[members(found, other)[0]]
    between = [
        p
        for p in range(len(found))
        if p not in (one, other)
        and same(records, found, one, p)
        and found.start[one] < found.start[p] < found.start[other]
    ]
    parted = not last.session and (first.time - last.time > RULES.inactivity or last.end)
    return not between and not parted
