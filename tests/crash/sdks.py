"""Real SDKs in a world, each behind a proxy of its own that does harm to what it sends."""

import gzip
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote_to_bytes

from tailrace.model.clock import iso
from tests.crash.backends import Row
from tests.crash.checks import Seen, stored
from tests.crash.mishaps import REFUSED
from tests.crash.traffic import BASE
from tests.crash.worlds import Tenant, World
from tests.faults import (
    Answer,
    Ask,
    Fault,
    Request,
    cut_answer,
    cut_request,
    lost_answer,
    passed_on,
    proxy_before,
    silent,
)
from tests.sdk import drive

WITHOUT_IDS = ("countly", "retries.mjs")
SDKS = (
    *((sdk, "retries.py") for sdk in ("segment", "rudderstack", "posthog", "amplitude")),
    *((sdk, "retries.mjs") for sdk in ("segment", "rudderstack", "posthog", "amplitude")),
    WITHOUT_IDS,
)
# Amplitude's give up what they send when a connection breaks before they hear anything, and one of them does not even
# say so: to lose an answer is to cut it, or never to give it. Under their bodies nothing is cut.
_AMPLITUDE: Mapping[str, Fault] = {"retries.mjs": cut_answer, "retries.py": silent}
_FIRST = 100_000_000  # their events are numbered from here, beyond all others
_NUMBER = re.compile(rb'"n"\s*:\s*(\d+)')


def send_by(world: World, sdks: Sequence[tuple[str, str]]) -> list[int]:
    """Have SDKs send at the same time, through harm, until they believe that all is sent; it is on record then.

    Returns how many events of each were stored and not answered.
    """
    with ThreadPoolExecutor(len(sdks)) as pool:
        told = list(pool.map(lambda sdk: _drive(world, *sdk), sdks))
    for sdk, (events, _) in zip(sdks, told, strict=True):
        tenant = _tenant(world, sdk)
        records = _named(world, tenant, events) if sdk == WITHOUT_IDS else [_record(event) for event in events]
        tenant.acknowledged |= {record["id"]: record for record in records}
    return [doubled for _, doubled in told]


def _tenant(world: World, sdk: tuple[str, str]) -> Tenant:
    return world.other if sdk == WITHOUT_IDS else world.waves


def _drive(world: World, sdk: str, driver: str) -> tuple[list[Row], int]:
    """What an SDK says that it sent, after all the harm was done, and how much of it was stored and not answered.

    A driver sends three batches. The first is refused twice, the answer to the second is lost, the third is cut.
    """
    first = str(_FIRST + 1000 * SDKS.index((sdk, driver)))
    lost = _AMPLITUDE[driver] if sdk == "amplitude" else lost_answer
    doubled: list[int] = []

    def lose(request: Request, ask: Ask) -> Answer | None:
        doubled.append(len(_NUMBER.findall(_text(request.body))))
        return lost(request, ask)

    harm = (*REFUSED, passed_on, lose)
    with proxy_before(world.url) as proxy:
        for fault in harm if sdk == "amplitude" else (*harm, passed_on, cut_request):
            proxy.plan(fault, "POST")
        key = _tenant(world, (sdk, driver)).write_key
        told = drive(driver, proxy.endpoint, key, sdk, first, str(BASE))
        assert proxy.spent, proxy.seen
    return told, sum(doubled)


def _text(body: bytes) -> bytes:
    """A body without what is around it."""
    return unquote_to_bytes(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)


def _record(event: Row) -> Row:
    return {"id": event["id"], "event": "tick", "time": iso(event["time"]), "params": {"n": event["n"]}}


def _named(world: World, tenant: Tenant, events: list[Row]) -> list[Row]:
    """What has neither id nor time of its sender's: its number is stored once, under an id and with a time of ours."""
    numbers = Counter(event["n"] for event in events)

    def sealed() -> list[Seen]:
        found = [seen for _, seen in stored(world, tenant) if seen.n in numbers]
        return found if len(found) >= len(events) else []

    found = world.until("what has no ids is sealed", sealed)
    assert Counter(seen.n for seen in found) == numbers
    return [{"id": seen.id, "event": "tick", "time": seen.time, "params": {"n": seen.n}} for seen in found]
