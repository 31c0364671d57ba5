"""A small history of an app, and what its events must look like, kept beside the store by nothing but its rules."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, MINUTE
from tailrace.model.predicates import Predicate, Value
from tailrace.model.segment import Segment
from tailrace.store.scan import Selection, scan
from tailrace.store.snapshots import available_at, visible
from tailrace.wiring import House
from tests.sending import T0, event, seal, send

Row = dict[str, Any]
WAVES = 4
NAMES = ("start", "go", "buy")
VERSIONS = ("1.0", "1.1", None)
MIXED = (0, 1, 2, 5, 5.5, "5", "go", "", True, None, [5, 6], {"a": 5})
# Columns that the history foretells; `_seq` is the commit.
COLUMNS = (
    *("id", "event", "time", "params", "session_id", "device_id", "app_version", "fragment"),
    *("session_start", "session_offset_ms", "available_at", "value", "is_paying"),
)


@dataclass(frozen=True)
class History:
    """Events as they must come out, each with the commit that made it visible."""

    rows: Sequence[Row]
    available: dict[int, int]
    segments: Sequence[Segment]


def build(house: House, scope: Scope) -> History:
    """Tell a store the history, and what it must hold then."""
    tell(house, scope)
    return found(house, scope)


def tell(house: House, scope: Scope) -> None:
    """Send four waves of events, each with resends of earlier ones, and seal each; sessions go on through waves."""
    for wave, again in waves():
        send(house, scope, wave + again)
        seal(house, scope)


def found(house: House, scope: Scope) -> History:
    """What a store must hold that was told the history, and nothing else in its app."""
    rows: list[Row] = []
    starts: dict[str, int] = {}
    fragments: dict[str, int] = {}
    for seq, (wave, _) in enumerate(waves(), 1):
        rows += foretell(wave, seq, starts, fragments)
    with house.database.read() as connection:
        segments = visible(connection, scope, WAVES)
        available = available_at(connection, scope, range(1, WAVES + 1))
    return History([row | {"available_at": available[row["_seq"]]} for row in rows], available, segments)


def waves() -> Iterator[tuple[list[Row], list[Row]]]:
    """Each wave's new events, and earlier ones that come again with it."""
    chance = random.Random(1)  # noqa: S311
    sent: list[Row] = []
    for seq in range(1, WAVES + 1):
        wave = [draw(chance, f"{seq}-{n}") for n in range(25)]
        yield wave, chance.sample(sent, min(8, len(sent)))
        sent += wave


def draw(chance: random.Random, id_: str) -> Row:
    """An event of one of twelve sessions on three days, none longer than three hours."""
    number = chance.randrange(12)
    time = T0 + number * 5 * HOUR + chance.randrange(180) * MINUTE
    record = event(chance.choice(NAMES), time, device=f"d{number % 4}", session=f"s{number}", id=id_)
    version = VERSIONS[number % 3]
    record |= {"session": {"app_version": version}} if version else {}
    record |= {"params": {"n": chance.choice(MIXED), "t": 'ä"\n'}} if chance.random() < 0.7 else {}
    return record | ({"value": chance.random(), "is_paying": chance.random() < 0.5} if chance.random() < 0.5 else {})


def foretell(wave: Sequence[Row], seq: int, starts: dict[str, int], fragments: dict[str, int]) -> Iterator[Row]:
    """What the events of a wave must look like: the first wave of a session fixes its start, each is a fragment."""
    times = {r["id"]: milliseconds(r["time"]) for r in wave}
    for session in {r["session_id"] for r in wave}:
        earliest = min(times[r["id"]] for r in wave if r["session_id"] == session)
        starts.setdefault(session, earliest)
        fragments[session] = fragments.get(session, -1) + 1
    for record in wave:
        session = record["session_id"]
        yield {
            "_seq": seq,
            "id": record["id"],
            "event": record["event"],
            "time": times[record["id"]],
            "params": json.dumps(record["params"]) if "params" in record else None,
            "session_id": session,
            "device_id": record["device_id"],
            "app_version": record.get("session", {}).get("app_version"),
            "fragment": fragments[session],
            "session_start": starts[session],
            "session_offset_ms": times[record["id"]] - starts[session],
            "value": record.get("value"),
            "is_paying": record.get("is_paying"),
        }


def milliseconds(text: str) -> int:
    """An instant, read with the standard library."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def wanted(row: Row, selection: Selection) -> bool:
    """The naive meaning of a selection."""
    window, filters, increment = selection.window, selection.filters, selection.increment
    instant = {"event_time": row["time"], "session_start": row["session_start"], "available": None}[window.axis]
    return (
        (instant is None or window.start is None or instant >= window.start)
        and (instant is None or window.end is None or instant < window.end)
        and (not filters.events or row["event"] in filters.events)
        and (not filters.versions or row["app_version"] in filters.versions)
        and (increment is None or increment.after < row["_seq"] <= increment.upto)
        and all(holds(row, predicate) for predicate in filters.where)
    )


def holds(row: Row, predicate: Predicate) -> bool:
    """The naive meaning of a predicate. What a parameter can hold here is plain: no odd numbers, no escapes."""
    cell = row[predicate.field] if predicate.field else json.loads(row["params"] or "{}").get(predicate.param)
    match predicate.op:
        case "exists":
            return (cell is not None) == predicate.values[0]
        case "eq":
            return any(same(cell, value) for value in predicate.values)
        case "neq":
            return not any(same(cell, value) for value in predicate.values)
        case "contains":
            return cell is not None and any(str(part) in said(cell) for part in predicate.values)
        case order:
            return ordered(cell, order, predicate.values[0])


def said(cell: Any) -> str:
    """A value as text: what a string says, all else as it was sent."""
    return cell if isinstance(cell, str) else json.dumps(cell)


def number(cell: Any) -> float | None:
    """A value as a number: a number, or a string that reads as one."""
    if isinstance(cell, str):
        return float(cell) if cell.isdecimal() else None
    return None if isinstance(cell, bool | list | dict | None) else float(cell)


def same(cell: Any, value: Value) -> bool:
    """Whether a value equals what is asked for."""
    if cell is None or isinstance(cell, list | dict):
        return False
    return said(cell) == said(value) if isinstance(value, str | bool) else number(cell) == value


def ordered(cell: Any, order: str, value: Value) -> bool:
    """Whether a value stands so to what is asked for."""
    one: Any = (cell if isinstance(cell, str) else None) if isinstance(value, str) else number(cell)
    if one is None:
        return False
    return bool({"gt": one > value, "gte": one >= value, "lt": one < value, "lte": one <= value}[order])


def scanned(house: House, segments: Sequence[Segment], available: dict[int, int], selection: Selection) -> list[Row]:
    """What the scan gives, as rows in its order."""
    rows: list[Row] = []
    for segment in segments:
        for batch in scan(house.files, segment, available, selection):
            of_fragments = batch.fragments.to_pylist() or [{}] * (1 + max(batch.parent.to_pylist()))
            of_events = batch.events.to_pylist() or [{}] * len(batch.parent)
            rows += [of_fragments[p] | e for p, e in zip(batch.parent.to_pylist(), of_events, strict=True)]
    return rows
