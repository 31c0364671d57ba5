"""Statistics against a naive count, and records that must never stop a seal."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.model.segment import EventStatistics, Statistics
from tailrace.store import statistics
from tailrace.store.schema import SEGMENT_SCHEMA
from tailrace.store.statistics import pack_statistics, statistics_of, unpack_outline, unpack_statistics

Row = dict[str, Any]

KINDS = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", list: "array"}
values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
params = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    values | st.lists(values) | st.dictionaries(st.text(), values),
)
events = st.fixed_dictionaries(
    {"event": st.sampled_from(["a", "b", ""]), "time": st.integers(-(2**60), 2**60)},
    optional={"params": params.map(json.dumps) | st.none(), "currency": st.sampled_from(["EUR", "USD", None])},
)
fragments = st.lists(
    st.fixed_dictionaries(
        {
            "session_start": st.integers(-(2**60), 2**60),
            "fragment": st.integers(0, 3),
            "events": st.lists(events, min_size=1, max_size=4),
        },
        optional={
            "app_version": st.sampled_from(["1.0", "1.10", ""]) | st.none(),
            "country": st.sampled_from(["DE", "US"]) | st.none(),
        },
    ),
    min_size=1,
    max_size=4,
)


def table(rows: list[Row]) -> pa.Table:
    """Fragments as a segment holds them."""
    return pa.Table.from_pylist(rows, schema=SEGMENT_SCHEMA)


def of_params(*texts: str | None) -> dict[str, EventStatistics]:
    """Statistics of events with these parameters, all of one name."""
    found = [{"event": "e", "time": 1, "params": text} for text in texts]
    return statistics_of(table([{"session_start": 1, "fragment": 0, "events": found}])).names


def kind(value: Any) -> str:
    """The JSON type of a value; whole numbers beyond 64 bits are numbers as any."""
    if type(value) is int and not -(2**63) <= value < 2**63:
        return "number"
    return "null" if value is None else KINDS[type(value)]


def events_by(rows: list[Row], column: str) -> dict[str, int]:
    """Events of rows that have a value, by value."""
    found: dict[str, int] = {}
    for row in rows:
        if row.get(column) is not None:
            found[row[column]] = found.get(row[column], 0) + len(row["events"])
    return found


def naive(rows: list[Row]) -> Statistics:
    """Counting one by one."""
    flat = [event for row in rows for event in row["events"]]
    times, starts = [event["time"] for event in flat], [row["session_start"] for row in rows]
    names: dict[str, EventStatistics] = {}
    for event in flat:
        members = Counter((key, kind(value)) for key, value in json.loads(event.get("params") or "{}").items())
        known = names.get(event["event"], EventStatistics(0, {}))
        for (key, type_), count in members.items():
            known.params.setdefault(key, {})
            known.params[key][type_] = known.params[key].get(type_, 0) + count
        names[event["event"]] = EventStatistics(known.count + 1, known.params)
    return Statistics(
        events=len(flat),
        fragments=len(rows),
        late_fragments=sum(row["fragment"] > 0 for row in rows),
        min_time=min(times),
        max_time=max(times),
        min_start=min(starts),
        max_start=max(starts),
        names=names,
        versions=tuple(sorted({row["app_version"] for row in rows if row.get("app_version") is not None})),
        by_version=events_by(rows, "app_version"),
        by_country=events_by(rows, "country"),
        currencies=tuple(sorted({event["currency"] for event in flat if event.get("currency") is not None})),
    )


@settings(max_examples=80, deadline=None)
@given(fragments, st.sampled_from([1, 2, 16_384]))
def test_statistics_are_counts(rows: list[Row], at_a_time: int) -> None:
    """Rows, bounds, names, parameter keys with types and counts, and versions are what one counts by hand.

    However many events are decoded at a time. Their outline has the same counts.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "_STRETCH_EVENTS", at_a_time)
        found = statistics_of(table(rows))
    wanted = naive(rows)
    assert found == wanted
    assert unpack_statistics(pack_statistics(found)) == found
    outline = msgspec.to_builtins(unpack_outline(pack_statistics(found)))
    assert {name: told["count"] for name, told in outline.pop("names").items()} == {
        name: told.count for name, told in wanted.names.items()
    }
    assert outline == {name: getattr(wanted, name) for name in outline}


POISON = [
    ('{"a":1e400,"b":"x"}', {"a": "number", "b": "string"}),
    ('{"a":-1E+999}', {"a": "number"}),
    ('{"a":' + "9" * 5000 + "}", {"a": "number"}),
    ('{"a":9223372036854775808,"b":-9223372036854775808}', {"a": "number", "b": "integer"}),
    ('{"a":' + "[" * 5000 + "]" * 5000 + "}", {"a": "array"}),
    (
        '{"a":[1e400],"b":{"c":1e400},"d":true,"e":null,"f":-1}',
        dict(zip("abdef", ("array", "object", "boolean", "null", "integer"), strict=True)),
    ),
    ('{"a":"\\ud800"}', {"a": "string"}),
    ('{"\\ud800":1}', None),
]


@pytest.mark.parametrize(("text", "types"), POISON, ids=range(len(POISON)))
def test_no_parameters_stop_a_seal(text: str, types: dict[str, str] | None) -> None:
    """Numbers beyond 64 bits, deep nesting and broken escapes are counted as what they are.

    The events around such a one keep their exact counts.
    """
    names = of_params('{"z":1}', text, None, '{"z":"x"}')
    assert names["e"].count == 4
    assert names["e"].params["z"] == {"integer": 1, "string": 1}
    if types is not None:
        assert {key: counts for key, counts in names["e"].params.items() if key != "z"} == {
            key: {type_: 1} for key, type_ in types.items()
        }


def deeper(levels: int, work: Callable[[], dict[str, EventStatistics]]) -> dict[str, EventStatistics]:
    """Some work on a deeper stack."""
    return deeper(levels - 1, work) if levels else work()


def test_what_accept_could_read_can_be_sealed_from_a_deeper_stack() -> None:
    """Nesting that just passed at the door must not stop the seal, whose stack may be deeper than the door's."""
    text = '{"a":' + "[" * 700 + "]" * 700 + "}"
    names = deeper(400, lambda: of_params(text, '{"z":1}'))
    assert names["e"].count == 2
    assert names["e"].params == {"a": {"array": 1}, "z": {"integer": 1}}
