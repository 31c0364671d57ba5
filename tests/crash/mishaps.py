"""What goes wrong between senders and their server. It is over when all that was sent meanwhile is acknowledged."""

import json
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, cycle, islice
from threading import Lock

import httpx

from tailrace.model.clock import DAY, MINUTE
from tests.crash.disks import Disk, limit_files
from tests.crash.traffic import batch
from tests.crash.worlds import WAIT_S, World
from tests.faults import Answer, Ask, FaultProxy, Request, cut_request, says

FIRST = 10_000  # numbers of the batches that senders bring
REFUSED = (says(500), says(429, ("retry-after", "1")))
IN_FLIGHT = 20_000  # events
_AT_ONCE, _EACH = 60, 500  # senders, and the events of each, of which that many are never acknowledged at once

Mishap = Callable[["Senders"], None]


class Senders:
    """Clients of a world that send through a proxy, each a batch at a time until it is acknowledged."""

    def __init__(self, world: World, proxy: FaultProxy, chance: random.Random, disk: Disk | None = None) -> None:
        self.world = world
        self.proxy = proxy
        self.chance = chance
        self.disk = disk
        self.doubled = 0  # events that were stored and whose answer nobody saw
        self._numbers = count(FIRST)
        self._acknowledged = 0  # batches
        self._lock = Lock()

    def send(self, senders: int, size: int = 20, wrong: Sequence[int] = (0,)) -> None:
        """A new batch of each of some senders, whose clocks are wrong by so much in turn, all at the same time."""
        with self.sending(senders, size, wrong):
            pass

    @contextmanager
    def sending(self, senders: int, size: int, wrong: Sequence[int] = (0,)) -> Iterator[Callable[[], int]]:
        """The same, for as long as the block lasts and it takes; yields how many of them are acknowledged by now."""
        before = self._acknowledged
        with ThreadPoolExecutor(senders) as pool:
            sent = [pool.submit(self._send, size, clock) for clock in islice(cycle(wrong), senders)]
            yield lambda: self._acknowledged - before
            _all(sent)

    def _send(self, size: int, wrong: int) -> None:
        with self._lock:
            number = next(self._numbers)
        records = batch(number, random.Random(number), size, 1)  # noqa: S311
        self.world.send(self.world.waves, records, wrong=wrong)
        with self._lock:
            self._acknowledged += 1

    def lose(self, request: Request, ask: Ask) -> Answer | None:
        """Its answer is lost after what it brings was stored."""
        answer = ask(request)
        with self._lock:
            self.doubled += json.loads(answer.body).get("accepted", 0)
        return None


def refused(senders: Senders) -> None:
    """A request is answered by 500, another one by 429 with Retry-After."""
    for fault in REFUSED:
        senders.proxy.plan(fault, "POST")
    senders.send(3)


def lost(senders: Senders) -> None:
    """Two requests are stored, and their answers are lost."""
    senders.proxy.plan(senders.lose, "POST", times=2)
    senders.send(3)


def cut(senders: Senders) -> None:
    """Two connections break while a body is on its way."""
    senders.proxy.plan(cut_request, "POST", times=2)
    senders.send(3)


def killed(senders: Senders) -> None:
    """The server dies with 20 000 events and more on their way."""
    world = senders.world
    (server,) = [daemon for daemon in world.daemons if daemon.role != "worker"]
    most = _AT_ONCE - IN_FLIGHT // _EACH
    by_then = senders.chance.randrange(most)
    with senders.sending(_AT_ONCE, _EACH) as acknowledged:
        end = time.monotonic() + WAIT_S
        while acknowledged() < by_then and time.monotonic() < end:
            time.sleep(0.001)
        server.signal(signal.SIGKILL)


def skewed(senders: Senders) -> None:
    """Two clocks are wrong, one ahead and one behind, by whole minutes: those are corrected to the millisecond."""
    off = [sign * senders.chance.randint(1, 3 * DAY // MINUTE) * MINUTE for sign in (1, -1)]
    senders.send(4, wrong=off)


def full(senders: Senders) -> None:
    """The disk is full until an event was refused."""
    fill, free = _room(senders)
    fill()
    with senders.sending(3, 20):
        senders.world.until("an event is refused", lambda: is_refused(senders.world))
        free()


MISHAPS: Sequence[Mishap] = (refused, lost, cut, killed, skewed, full)


def is_refused(world: World) -> bool:
    """Whether the server says that it cannot take an event now."""
    headers = {"authorization": f"Bearer {world.waves.write_key}"}
    return world.http.post("/v1/events", json={"batch": [{"bad": 1}]}, headers=headers).status_code == 503


@contextmanager
def through(world: World, proxy: FaultProxy) -> Iterator[None]:
    """While the block runs a world's events go through a proxy, from as many clients as like to send."""
    before = world.door
    with httpx.Client(base_url=proxy.endpoint, timeout=20) as world.door:
        yield
    world.door = before


def _room(senders: Senders) -> tuple[Callable[[], object], Callable[[], object]]:
    """How to take all room away, and how to give it back: of the disk, or where there is none to fill of its files."""
    if senders.disk:
        return senders.disk.fill, senders.disk.free
    processes = senders.world.processes()
    return lambda: limit_files(processes, 0), lambda: limit_files(processes, None)


def _all(sent: Sequence[Future[None]]) -> None:
    for one in sent:
        one.result()
