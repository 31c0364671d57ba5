"""Between senders and server answers are lost, connections break, the server dies, clocks are wrong and disks are full:
every event that was acknowledged is there once, whoever sent it how often.
"""

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.store.ledger import Ledger, ledger
from tests.crash.checks import assert_whole, check_balance
from tests.crash.disks import Disk, small_disk
from tests.crash.mishaps import IN_FLIGHT, Senders, cut, full, lost, refused, skewed, through
from tests.crash.sdks import SDKS, send_by
from tests.crash.worlds import World
from tests.faults import proxy_before

pytestmark = pytest.mark.crash
embedded = pytest.mark.parametrize("stands", ["embedded"], indirect=True)
remote = pytest.mark.parametrize("stands", ["remote"], indirect=True)


@contextmanager
def senders_of(world: World, disk: Disk | None = None) -> Iterator[Senders]:
    """Senders, and a proxy between them and the server that runs. After the block all is whole."""
    with proxy_before(world.url) as proxy, through(world, proxy):
        yield Senders(world, proxy, random.Random(1), disk)  # noqa: S311
        assert proxy.spent
    assert_whole(world)


def accounts(world: World) -> list[Ledger]:
    """What the ledger says of each app."""
    with world.house() as house:
        return [ledger(house.database, scope_of_app(house.database, tenant.app)) for tenant in world.tenants]


def logs(world: World) -> str:
    """What all processes said."""
    return "".join(path.read_text() for path in world.folder.glob("*.log"))


@embedded
def test_sdks_try_until_all_is_stored(world: World) -> None:
    """Each of nine SDKs, as it is, hears 500, then 429 with Retry-After, loses an answer to what was stored, and, if it
    can bear that, has a connection break under a body: all that it says it sent is stored once, and what it sent twice
    is what lost its answer.
    """
    world.run("alone")
    doubled = send_by(world, SDKS)
    assert_whole(world)
    assert "Traceback" not in logs(world)
    assert all(doubled)
    assert sum(found.duplicates for found in accounts(world)) == sum(doubled)


@embedded
def test_requests_are_refused_cut_and_not_answered(world: World) -> None:
    """What is sent again after 500, 429 and a broken connection is new; what is sent again after a lost answer is a
    duplicate, each of it, and nothing else is. Two wrong clocks change nothing: events have their true times.
    """
    world.run("alone")
    with senders_of(world) as senders:
        for mishap in (refused, lost, cut, skewed):
            mishap(senders)
            world.sealed()
    assert "Traceback" not in logs(world)
    assert senders.doubled == 2 * 20
    assert [found.duplicates for found in accounts(world)] == [senders.doubled, 0]
    assert world.codes == []


@remote
def test_the_server_dies_with_20_000_events_in_flight(world: World) -> None:
    """It dies at its twentieth reply to sixty that send at once; at this moment the ledger holds, and afterwards all
    goes on with what was stored.
    """
    unanswered: list[int] = []

    def look() -> None:
        check_balance(world)
        unanswered.append(60 * 500 - len(world.waves.acknowledged))

    world.at_death = look
    world.launch("server", kill="accept.before_reply:20")
    world.run("worker")
    with senders_of(world) as senders:
        senders.send(60, 500)
    assert world.codes == [-signal.SIGKILL]
    assert len(unanswered) == 1
    assert unanswered[0] >= IN_FLIGHT


@embedded
def test_the_disk_is_full_while_events_come(world: World) -> None:
    """Events are refused with 503 and not acknowledged; when there is room again they are taken, and none is lost."""
    with small_disk(world.data) as disk:
        world.at_death = partial(check_balance, world)
        world.run("alone")
        with senders_of(world, disk) as senders:
            senders.send(2)
            full(senders)
        assert world.codes == []
