"""Random stories of senders: each mishap happens once, in any order and at any moment, while exports go on."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.store.ledger import ledger
from tests.crash.checks import assert_whole, check_balance
from tests.crash.daemons import Role
from tests.crash.disks import Disk, small_disk
from tests.crash.mishaps import MISHAPS, Senders, full, through
from tests.crash.sdks import SDKS, send_by
from tests.crash.traffic import CHAIN, go_on, load
from tests.crash.worlds import SILENCE, World
from tests.faults import proxy_before
from tests.sdk import installed

LAYOUTS: tuple[tuple[Role, ...], ...] = (("alone",), ("server", "worker"))


class Passage:
    """What a seed says."""

    kind = "faults"
    cache = False
    silence = SILENCE

    def __init__(self, seed: str, backend: str) -> None:
        self.chance = chance = random.Random(seed)  # noqa: S311
        self.layout = chance.choice(LAYOUTS)
        # A disk that is full is that of a server without another database.
        self.mishaps = [mishap for mishap in MISHAPS if mishap is not full or backend == "sqlite"]
        chance.shuffle(self.mishaps)
        self.sdks = [sdk for sdk in chance.sample(SDKS, 2) if installed(sdk[1])]

    def __str__(self) -> str:
        sdks = ",".join(f"{sdk}.{driver.rsplit('.')[-1]}" for sdk, driver in self.sdks) or "-"
        return f"{'+'.join(self.layout)} faults={','.join(m.__name__ for m in self.mishaps)} sdks={sdks}"

    def tell(self, world: World) -> None:
        """Let it happen, and check."""
        world.at_death = partial(check_balance, world)
        with _disk(world) as disk:
            for role in self.layout:
                world.launch(role)
            world.ready()
            with proxy_before(world.url) as proxy, through(world, proxy):
                senders = Senders(world, proxy, self.chance, disk)
                with load(world, world.other):
                    self._act(senders)
                assert proxy.spent
            assert_whole(world)
            _check_duplicates(senders)

    def _act(self, senders: Senders) -> None:
        world = senders.world
        senders.send(3)
        tip = world.ask(world.waves, **CHAIN)
        for mishap in self.mishaps:
            time.sleep(self.chance.random())
            mishap(senders)
            world.finished(tip)
            tip = go_on(world, world.waves, tip)
        senders.doubled += sum(send_by(world, self.sdks)) if self.sdks else 0


def _check_duplicates(senders: Senders) -> None:
    """What was stored and not answered was sent again, and is known as sent twice."""
    world = senders.world
    with world.house() as house:
        found = [ledger(house.database, scope_of_app(house.database, tenant.app)) for tenant in world.tenants]
    assert sum(one.duplicates for one in found) >= senders.doubled


@contextmanager
def _disk(world: World) -> Iterator[Disk | None]:
    """A disk of a world's own, where this user may have one."""
    with ExitStack() as held:
        disk: Disk | None = None
        with suppress(pytest.skip.Exception):
            disk = held.enter_context(small_disk(world.data))
        held.callback(world.kill)  # nobody writes to it when it goes
        yield disk
