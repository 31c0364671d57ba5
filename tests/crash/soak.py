"""Random stories, over and over: `scripts/soak N` runs N of each kind until one fails.

A seed decides everything of a story but the speed of the machine.
"""

import argparse
import os
import random
import secrets
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path

from tailrace.model.clock import HOUR
from tailrace.model.points import POINTS
from tests.crash.backends import EmbeddedStands, Remote, RemoteStands, Stands, locked
from tests.crash.checks import assert_whole
from tests.crash.clusters import cluster_of
from tests.crash.daemons import Role
from tests.crash.passages import Passage
from tests.crash.traffic import CHAIN, MORE, go_on, load, send_some
from tests.crash.worlds import LEASE_MS, SILENCE, World
from tests.late.tale import Tale
from tests.stores import swift_in

Fault = Callable[[World, random.Random], None]
LAYOUTS: tuple[tuple[Role, ...], ...] = (
    ("alone",),
    ("alone", "worker"),
    ("server", "worker"),
    ("server", "worker", "worker"),
)


def kill(world: World, chance: random.Random) -> None:
    """One of the commands dies."""
    chance.choice(world.daemons).signal(signal.SIGKILL)


def kill_child(world: World, chance: random.Random) -> None:
    """One of the processes that commands have made dies, or a command."""
    with_children = sorted(world.processes())
    if with_children:
        os.kill(chance.choice(with_children), signal.SIGKILL)


def stand_still(world: World, chance: random.Random) -> None:
    """A command stands still for longer than leases last."""
    daemon = chance.choice(world.daemons)
    world.freeze(daemon)
    time.sleep(LEASE_MS * chance.choice((0.5, 1.2)) / 1000)
    daemon.signal(signal.SIGCONT)


def restart(world: World, chance: random.Random) -> None:
    """A command is ended in order; it is started again as if it had died."""
    chance.choice(world.daemons).signal(signal.SIGTERM)


def jump(world: World, chance: random.Random) -> None:
    """The clock is wrong for a while."""
    world.jump(chance.choice((-2, 2)) * HOUR)
    time.sleep(chance.random())
    world.jump(0)


def cancel(world: World, chance: random.Random) -> None:
    """Some export is cancelled, whatever its state."""
    rows = [row for row in world.exports() if row["app_id"] == world.waves.app]
    if rows:
        world.cancel(world.waves, chance.choice(rows)["id"])


def lock(world: World, chance: random.Random) -> None:
    """Another process keeps SQLite locked for a while."""
    with locked(world.data / chance.choice(("meta.db", "inbox.db"))):
        time.sleep(2 * chance.random())


def lose_storage(world: World, chance: random.Random) -> None:
    """The S3 server is away for a while."""
    if isinstance(world.backend, Remote):
        world.backend.server.programs.stop()
        time.sleep(chance.random())
        world.backend.server.programs.start()


def lose_database(world: World, chance: random.Random) -> None:
    """PostgreSQL crashes and is away for a while."""
    if isinstance(world.backend, Remote):
        cluster = cluster_of(world.backend.url)
        cluster.stop()
        time.sleep(chance.random())
        cluster.start()


FAULTS: Sequence[Fault] = (kill, kill, kill_child, kill_child, stand_still, restart, jump, cancel, cancel)


class Story:
    """What a seed says."""

    kind = "crash"
    silence = SILENCE

    def __init__(self, seed: str, backend: str) -> None:
        self.chance = chance = random.Random(seed)  # noqa: S311
        self.layout = chance.choice(LAYOUTS)
        self.cache = chance.random() < 0.3
        self.point = f"{chance.choice(POINTS)}:{chance.randint(1, 6)}" if chance.random() < 0.8 else ""
        away: Sequence[Fault] = (lose_storage, lose_database) if backend == "postgres" else (lock,)
        self.faults = [chance.choice((*FAULTS, *away)) for _ in range(chance.randint(0, 2))]
        self.forms = [CHAIN, *(chance.choice(MORE) for _ in range(chance.randint(1, 4)))]
        self.sizes = [chance.randint(1, 120) for _ in range(chance.randint(2, 5))]

    def __str__(self) -> str:
        faults = ",".join(fault.__name__ for fault in self.faults) or "-"
        return f"{'+'.join(self.layout)} kill={self.point or '-'} faults={faults} forms={len(self.forms)}"

    def tell(self, world: World) -> None:
        """Let it happen, and check."""
        for role in self.layout:
            world.launch(role, kill=self.point)
        world.ready()
        failed: list[BaseException] = []
        harm = threading.Thread(target=self._harm, args=(world, failed))
        with load(world, world.other):
            harm.start()
            try:
                self._act(world)
            finally:
                harm.join()
        assert not failed, failed
        world.finished()
        assert_whole(world)

    def _act(self, world: World) -> None:
        for size in self.sizes:
            send_some(world, world.waves, 1, self.chance, size)
        world.sealed()
        first = world.ask(world.waves, **CHAIN)
        world.ask(world.other, **CHAIN)
        for form in self.forms:
            world.ask(world.waves, **form)
        send_some(world, world.waves, 1, self.chance)
        world.finished()
        if world.exports(first)[0]["state"] == "succeeded":
            go_on(world, world.waves, first)

    def _harm(self, world: World, failed: list[BaseException]) -> None:
        chance = random.Random(str(self))  # noqa: S311
        try:
            for fault in self.faults:
                time.sleep(2 * chance.random())
                fault(world, chance)
        except BaseException as error:
            failed.append(error)


STORIES: Sequence[type[Story | Passage | Tale]] = (Story, Passage, Tale)
KINDS = (
    "crash: commands die while exports are made; faults: harm comes between senders and server; late: events come late "
    "and servers die; all: N of each kind"
)


def main() -> int:
    """Run stories; 1 if one of them did not end well."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaving the blocks ends what the story has started
    folder = Path(asked.folder).resolve()  # servers of the object storage leave the directory that they were started in
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with ExitStack() as held:
        stands = _stands(asked.backend, folder, held)
        for number in range(asked.runs):
            seed = asked.seed if asked.seed and asked.runs == 1 else f"{asked.seed or secrets.token_hex(3)}-{number}"
            for made, story in product(stands, _told(asked.kind)):
                if not _run(story(seed, made.name), made, seed, folder / f"{seed}-{made.name}-{story.kind}"):
                    return 1
    return 0


def _told(kind: str) -> list[type[Story | Passage | Tale]]:
    return [story for story in STORIES if kind in (story.kind, "all")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("runs", type=int, metavar="N", help="how many stories of each kind")
    parser.add_argument("--backend", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--kind", choices=("crash", "faults", "late", "all"), default="all", help=KINDS)
    parser.add_argument("--seed", default="", help="the first part of every seed; with N = 1 the seed itself")
    parser.add_argument("--folder", default=".build/soak", help="where worlds lie; it is emptied first")
    return parser.parse_args()


def _stands(backend: str, folder: Path, held: ExitStack) -> list[Stands]:
    found: list[Stands] = []
    if backend != "postgres":
        (folder / "sqlite").mkdir()
        found.append(EmbeddedStands(folder / "sqlite"))
    if backend != "sqlite":
        for name in ("postgres", "swift"):
            (folder / name).mkdir()
        server = held.enter_context(swift_in(folder / "swift"))
        found.append(RemoteStands(folder / "postgres", os.environ["TAILRACE_TEST_POSTGRES"], server))
    return found


def _run(story: Story | Passage | Tale, stands: Stands, seed: str, folder: Path) -> bool:
    """One story; it leaves its world only if it did not end well."""
    began, told = time.monotonic(), f"{seed} {stands.name} {story}"
    try:
        with World(folder, stands, cache=story.cache, silence=story.silence) as world:
            story.tell(world)
    except BaseException as error:
        print(f"{told} {time.monotonic() - began:.1f} s FAILED", flush=True)
        traceback.print_exc()
        again = f"scripts/soak 1 --backend {stands.name} --kind {story.kind} --seed {seed}"
        print(f"\nIts world lies in {folder}. Again: {again}", flush=True)
        if not isinstance(error, Exception):
            raise
        return False
    print(f"{told} {time.monotonic() - began:.1f} s ok", flush=True)
    shutil.rmtree(folder)
    return True


if __name__ == "__main__":
    sys.exit(main())
