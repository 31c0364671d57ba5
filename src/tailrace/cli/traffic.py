"""Demo traffic: realistic analytics records of three invented apps, the same for the same arguments.

The modules beside this one say who comes when (`traffic_plan`), who they are (`traffic_people`) and what they do
(`traffic_stories` and one module an app, with the
tables of `traffic_catalogue`); here that becomes records of the native API.
"""

import zlib
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
from msgspec import Struct

from tailrace.cli.traffic_catalogue import CAMPAIGNS, HABITS, Habits
from tailrace.cli.traffic_fitness import fitness
from tailrace.cli.traffic_people import Device, Dice, Person, people
from tailrace.cli.traffic_plan import HOUR_MS, Period, Slot, lengths, slots, zone_offset_ms
from tailrace.cli.traffic_puzzle import puzzle
from tailrace.cli.traffic_shop import shop
from tailrace.cli.traffic_stories import Step, Story, Visit

Record = dict[str, Any]

STORIES: dict[str, Callable[[Visit], Story]] = {"puzzle": puzzle, "fitness": fitness, "shop": shop}
SESSIONS_PER_PERSON = 4
LOGGED_IN_SHARE = 0.8


class DemoApp(Struct, frozen=True):
    """One demo app; `kind` names its habits and its story."""

    id: str
    name: str
    write_key: str
    kind: str


APPS: tuple[DemoApp, ...] = (
    DemoApp("demo_puzzle", "Puzzle Pond", "wk_demo_puzzle", "puzzle"),
    DemoApp("demo_fitness", "Stride", "wk_demo_fitness", "fitness"),
    DemoApp("demo_shop", "Corner Shop", "wk_demo_shop", "shop"),
)


def batches(
    app: DemoApp, *, until_ms: int, days: int = 30, events: int = 60_000, seed: int = 7, size: int = 500
) -> Iterator[list[Record]]:
    """Native event records in order of their session's start, `size` a batch (the last may be shorter).

    They are exactly `events`, all before `until_ms` (milliseconds since 1970), over the `days` UTC days that end
    there. The same arguments give the same records; `size` changes only where the batches are cut.
    """
    records = _records(app, Period.ending(until_ms, days), events, seed)
    while batch := list(islice(records, size)):
        yield batch


def _records(app: DemoApp, period: Period, events: int, seed: int) -> Iterator[Record]:
    """People depend on app and seed alone, so that another period meets the same ones again."""
    source = [seed, zlib.crc32(app.id.encode())]
    rng = np.random.default_rng([*source, period.until_ms, period.days, events])
    habits = HABITS[app.kind]
    sizes = lengths(habits, events, rng)
    crowd = people(app.kind, 1 + len(sizes) // SESSIONS_PER_PERSON, Dice(np.random.default_rng(source)))
    zones = [person.place.timezone for person in crowd]
    plan = slots(habits, zones, sizes, period, rng)
    dice = Dice(rng.spawn(1)[0])
    return chain.from_iterable(_session(app, period, slot, crowd[slot.person], dice) for slot in plan)


def _session(app: DemoApp, period: Period, slot: Slot, person: Person, dice: Dice) -> list[Record]:
    """All records of one session; what is known of session and person goes with the first."""
    device = dice.favour(person.devices)
    visit = Visit(f"{app.kind}.example.com", dice, person, device, person.newcomer and not person.visits)
    common = {"session_id": slot.session_id, "device_id": device.id}
    first: Record = {"session": _session_facts(app.kind, period, slot, person, device, dice)}
    if person.registered and dice.chance(LOGGED_IN_SHARE):
        common["user_id"] = person.user_id
        first |= _known(app.kind, person, dice)
    person.visits += 1
    steps = zip(slot.times, STORIES[app.kind](visit), strict=False)
    records = [_record(number, time, step, common, visit) for number, (time, step) in enumerate(steps)]
    records[0] |= first
    records[-1].setdefault("session", {})["end"] = True
    return records


def _record(number: int, time: str, step: Step, common: dict[str, str], visit: Visit) -> Record:
    page = {"page": dict(visit.page)} if visit.page else {}
    return {"id": f"{common['session_id']}-{number}", "time": time, **common, **step, **page}


def _session_facts(app_kind: str, period: Period, slot: Slot, person: Person, device: Device, dice: Dice) -> Record:
    """The `session` object of a session's first event."""
    place, habits = person.place, HABITS[app_kind]
    version, build = _release(habits, (period.days_passed(slot.start_ms) - device.lag_days) / period.days)
    return {
        "app_version": version,
        "app_build": build,
        **device.facts,
        "locale": place.locale,
        "timezone": place.timezone,
        "timezone_offset_ms": zone_offset_ms(place.timezone, slot.start_ms // HOUR_MS),
        "country": place.country,
        "region": place.region,
        "city": place.city,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "device_ids": dict(device.ids),
        "properties": _properties(dice),
        **_source(dice),
    }


def _release(habits: Habits, passed: float) -> tuple[str, str]:
    """Version and build of the newest release when this share of the period has passed for the device."""
    out = [(version, build) for share, version, build in habits.releases if share <= passed]
    return out[-1] if out else habits.releases[0][1:]


def _properties(dice: Dice) -> Record:
    return {
        "battery": dice.amount(0.05, 1),
        "dark_mode": dice.chance(0.4),
        "experiments": [f"home_{dice.pick('abc')}", f"price_{dice.pick('ab')}"],
        "network": {"type": dice.favour(("wifi", "5g", "4g")), "metered": dice.chance(0.2)},
    }


def _source(dice: Dice) -> dict[str, str]:
    """The campaign that brought the person, for the few that one brought."""
    if not dice.chance(0.12):
        return {}
    campaign, publisher = dice.favour(CAMPAIGNS)
    return {"source_campaign": campaign, "source_publisher": publisher}


def _known(app_kind: str, person: Person, dice: Dice) -> Record:
    """The `profile` part: with the first session of a person, later only now and then."""
    if person.visits and not dice.chance(0.25):
        return {}
    level = {} if app_kind == "shop" else {"level": person.level}
    return {"profile": _profile(person, dice) | level}


def _profile(person: Person, dice: Dice) -> Record:
    return {
        "gender": person.gender,
        "birth_year": person.birth_year,
        "name": person.name,
        "email": f"{person.user_id}@example.com",
        "is_paying": person.spent > 0,
        "attributes": {
            "newsletter": dice.chance(0.3),
            "spent_usd": round(person.spent, 2),
            "segments": ["returning"] if person.visits > 3 else ["new", "trial, maybe"],
            "signup": {"source": "organic", "visits": person.visits},
        },
    }
