"""Sessions as they are sent, and what must be told of them, found by plain Python from what was sent."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.sending import event

Row = dict[str, Any]
STATES = ("Home", "Shop", 'Ärger, "1"')
NASTY = 'a,"b"\r\n\tc é'
VALUES: Sequence[Any] = ("x", NASTY, "", 7, -2.5, 1e21, True, None, {"deep": [1, "y"]}, [1, 2])


@dataclass(frozen=True)
class Told:
    """A state or an event, as far as it does not depend on ids."""

    name: str | None
    time: float | None
    duration: float | None
    value: float | None
    info: str | None
    params: Mapping[str, Any] | None

    def sorted_by(self) -> tuple[float, str]:
        """What orders them."""
        return self.time or 0, self.name or ""


Place = tuple[str, Any]  # which state of a session: by the id of its event, by name, or none


def some_records(start: int, seed: int = 5, sessions: int = 40) -> list[Row]:
    """Records of sessions of few devices, with states of both kinds and events that name theirs in every way."""
    chance = random.Random(seed)  # noqa: S311 - it is to be the same each time
    return [record for n in range(sessions) for record in _session(chance, n, start + n * 60_000)]


def _session(chance: random.Random, n: int, start: int) -> Iterator[Row]:
    visited: list[str] = []
    for place in range(chance.randint(1, 9)):
        time = start + place * 1500 + chance.randrange(1000)
        more: Row = {"params": {key: chance.choice(VALUES) for key in chance.sample(("k", "n", NASTY), 2)}}
        if chance.random() < 0.3:
            more["info"] = chance.choice(("i", NASTY))
        if chance.random() < 0.3:
            id_ = f"state-{n}-{place}"
            visited.append(id_)
            kind = chance.choice(("state", "screen"))
            yield event(chance.choice(STATES), time, device=f"v{n % 7}", session=f"t{n}", id=id_, kind=kind, **more)
            continue
        if chance.random() < 0.4:
            more["value"] = chance.choice((2.5, -1.0, 0.0))
        if visited and chance.random() < 0.4:
            more["state_id"] = chance.choice(visited)
        elif chance.random() < 0.5:
            more["state"] = chance.choice(STATES)
        yield event(chance.choice(("tap", "buy")), time, device=f"v{n % 7}", session=f"t{n}", **more)


def expected(records: Sequence[Row]) -> dict[tuple[str, float], dict[Told, list[Told]]]:
    """By device and start of each session its states, and in each the events, in order of time."""
    by_session: dict[str, list[Row]] = {}
    for record in records:
        by_session.setdefault(record["session_id"], []).append(record)
    found = {}
    for members in by_session.values():
        ordered = sorted(members, key=lambda record: record["time"])
        found[ordered[0]["device_id"], _seconds(ordered[0])] = _states(ordered)
    return found


def _states(ordered: Sequence[Row]) -> dict[Told, list[Told]]:
    heads: dict[Place, Row] = {}
    members: dict[Place, list[Row]] = {}
    last: dict[str, Place] = {}
    for record in ordered:
        if record.get("kind"):
            place: Place = ("id", record["id"])
            heads[place], last[record["event"]] = record, place
            members.setdefault(place, [])
            continue
        members.setdefault(_place(record, last), []).append(record)
    return {_head(place, heads.get(place)): [_told(one) for one in inside] for place, inside in members.items()}


def _place(record: Row, last: Mapping[str, Place]) -> Place:
    if "state_id" in record:
        return ("id", record["state_id"])
    if "state" in record:
        return last.get(record["state"], ("name", record["state"]))
    return ("none", None)


def _head(place: Place, head: Row | None) -> Told:
    if head is not None:
        return _told(head)
    return Told(place[1] if place[0] == "name" else None, None, None, None, None, None)


def _told(record: Row) -> Told:
    value = None if record.get("kind") else record.get("value", 0.0)
    return Told(record["event"], _seconds(record), None, value, record.get("info"), _Frozen(record["params"]))


class _Frozen(dict[str, Any]):
    """Parameters that can be a part of what is compared."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self)))


def _seconds(record: Row) -> float:
    from tailrace.model.clock import parse_iso

    return parse_iso(record["time"]) / 1000


def told(sessions: Sequence[Row]) -> dict[tuple[str, float], dict[Told, list[Told]]]:
    """Sessions of an export in the same form; no session stands there twice."""
    found = {
        (one["deviceId"], one["time"]): {_of(s): [_of(e) for e in s["events"]] for s in one["states"]}
        for one in sessions
    }
    assert len(found) == len(sessions)
    return found


def _of(shown: Row) -> Told:
    params = shown.get("parameters")
    return Told(
        shown.get("name"),
        shown.get("time"),
        shown.get("duration"),
        shown.get("value"),
        shown.get("info"),
        None if params is None else _Frozen(params),
    )
