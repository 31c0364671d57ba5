"""What the clients of a world do."""

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tailrace.model.clock import DAY, MINUTE, SECOND
from tests.crash.worlds import Tenant, World
from tests.sending import Row, event

DAYS = 3
LOAD = 1000  # numbers of batches that come beside the story
# Some weeks ago: a record that is too old gets the time of its receipt.
BASE = (int(time.time() * 1000) // DAY - 30) * DAY
WHOLE = {"axis": "event_time", "from": "2000-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
SESSIONS = WHOLE | {"axis": "session_start"}

Form = Mapping[str, Any]

CHAIN: Form = {"window": {"axis": "available"}}
SIZED: Form = {"window": WHOLE, "format": "csv", "packing": "none", "split": "size"}
TABLES: Form = {"window": WHOLE, "shape": "tables", "format": "csv", "packing": "zip"}
DAILY: Form = {"window": WHOLE, "packing": "none", "split": "day"}
FORMS: Sequence[Form] = (CHAIN, SIZED, TABLES, DAILY)
# More than a story asks for: the soak takes some.
MORE: Sequence[Form] = (
    *FORMS,
    {"window": WHOLE},
    {"window": SESSIONS, "shape": "sessions"},
    {"window": SESSIONS, "shape": "sessions", "format": "xml", "packing": "none"},
    {"window": WHOLE, "packing": "zip", "split": "day"},
    {"window": WHOLE, "format": "csv", "packing": "gzip", "split": "event"},
    {"window": WHOLE, "shape": "tables", "packing": "none"},
    {"window": WHOLE, "format": "xml", "packing": "gzip"},
    {"window": WHOLE, "json_array": True, "packing": "none", "split": "size"},
)


def batch(number: int, chance: random.Random, size: int = 60, days: int = DAYS) -> list[Row]:
    """Events of several devices, names and days, in sessions of their own."""
    return [
        event(
            ("tick", "tock", "go")[n % 3],
            BASE + (n % days) * DAY + number * MINUTE + n * SECOND,
            device=f"d{(number + n) % 7}",
            session=f"s{number}-{n % days}-{(number + n) % 7}",
            params={"n": number * 1000 + n, "text": "x" * chance.randrange(80)},
        )
        for n in range(size)
    ]


def send_some(world: World, tenant: Tenant, batches: int, chance: random.Random | None = None, size: int = 60) -> None:
    """Send new batches."""
    chance = chance or random.Random(1)  # noqa: S311
    begun = [int(record["session_id"][1:].split("-")[0]) for record in tenant.acknowledged.values()]
    first = 1 + max((number for number in begun if number < LOAD), default=-1)
    for number in range(first, first + batches):
        world.send(tenant, batch(number, chance, size))


def tell(world: World) -> None:
    """The story: events come in, are sealed and exported in several forms while more come; then the chain goes on."""
    send_some(world, world.waves, 4)
    send_some(world, world.other, 1)
    world.sealed()
    first, *_ = [world.ask(world.waves, **form) for form in FORMS]
    world.ask(world.other, **CHAIN)
    send_some(world, world.waves, 3)
    world.finished()
    world.sealed()
    go_on(world, world.waves, first)
    world.finished()


def go_on(world: World, tenant: Tenant, export: str) -> str:
    """The next increment of a chain."""
    return world.ask(tenant, **CHAIN, after=world.manifest(tenant, export)["cursor"])


@contextmanager
def load(world: World, tenant: Tenant) -> Iterator[None]:
    """Events keep coming while the block runs. What is not acknowledged is sent again until it is."""
    over = threading.Event()
    failed: list[BaseException] = []

    def flow() -> None:
        number = LOAD
        try:
            while not over.wait(0.1):
                world.send(tenant, batch(number, random.Random(number), 10, 1))  # noqa: S311
                number += 1
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failed, failed
