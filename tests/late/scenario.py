"""The scenario of late events that every surface must pass (the design, "Tests"): events come an hour, 8 days and 40
days late, clocks of senders are wrong, servers die, and whoever reads has seen each event once at every step.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count

from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND
from tests.crash.backends import Row
from tests.crash.checks import check_balance, check_ledger
from tests.crash.worlds import World
from tests.late.readers import SURFACES, Reader
from tests.sending import event

SILENCE = 30 * MINUTE  # after which sessions are complete
STEPS = (0, HOUR, 8 * DAY, 40 * DAY, 60 * DAY)  # after the beginning; at each one events of all lateness come
LATENESS = (0, HOUR, 8 * DAY, 40 * DAY)
WRONG = (0, 3 * HOUR, -26 * HOUR)  # clocks of senders
EACH = 3  # events of a session that come together
_RESENT = 10 * DAY  # how long senders keep what they have sent

# What rewrites the store between two steps and may change nothing that is read: compaction and erasure come here.
REWRITES: Sequence[Callable[[World], None]] = ()


class Scenario:
    """Goes through the steps in a world whose clock it moves. All surfaces read in it."""

    def __init__(self, world: World, surfaces: Mapping[str, Callable[..., Reader]] = SURFACES) -> None:
        self.world = world
        self.seen: dict[str, Counter[int]] = {name: Counter() for name in surfaces}
        self._readers = {name: reader(world, world.waves) for name, reader in surfaces.items()}
        self._numbers = count()

    def play(self, deaths: Sequence[str]) -> None:
        """All steps; in each one a server dies at a point, or at several. In the end the ledger holds."""
        self.world.at_death = lambda: check_balance(self.world)
        for number, (after, death) in enumerate(zip(STEPS, deaths, strict=True)):
            self.world.jump(after)
            self.world.run("alone", kill=death)
            self._send(number)
            self.world.jump(self.world.ahead + SILENCE + MINUTE)
            self.world.sealed()
            self._read()
            missed = [point for point in death.split(",") if not self.world.killed(point)]
            assert not missed, f"nobody died at {missed}"
            for rewrite in REWRITES:
                rewrite(self.world)
            assert self.world.stop() == [0]
        self._read_the_rest()
        check_ledger(self.world)

    @property
    def sent(self) -> Counter[int]:
        """What was acknowledged, each once."""
        return Counter(record["params"]["n"] for record in self.world.waves.acknowledged.values())

    def _send(self, step: int) -> None:
        world = self.world
        again = [r for r in world.waves.acknowledged.values() if r["params"]["at"] > world.now - _RESENT][::3]
        for wrong in WRONG:
            world.send(world.waves, list(self._events(step, wrong)), wrong=wrong)
        if again:
            world.send(world.waves, again)

    def _events(self, step: int, wrong: int) -> Iterator[Row]:
        """For each lateness: events of sessions that are new or known since an earlier step, and of none."""
        now = self.world.now
        for late in LATENESS:
            time = now - late - MINUTE
            for session in (f"of-{step}-{late}", f"of-{_step_at(STEPS[step] - late)}-0", None):
                for place in range(EACH):
                    params = {"n": next(self._numbers), "at": now}
                    at = time + place * SECOND
                    yield event("e", at, device=f"d{wrong}", session=session, id=f"e{params['n']}", params=params)

    def _read(self) -> None:
        for name, reader in self._readers.items():
            self.seen[name] += reader.read()
            assert not self.seen[name] - self.sent, name
            assert reader.lags or self.seen[name] == self.sent, name

    def _read_the_rest(self) -> None:
        """Two days later those that lag have seen everything, too. A server dies while it makes that possible."""
        death, lagging = "bundles.before_commit:1", {n: r for n, r in self._readers.items() if r.lags}
        if not lagging:
            return
        self.world.jump(self.world.ahead + 2 * DAY)
        self.world.run("alone", kill=death)
        for name, reader in lagging.items():
            self.world.until(f"{name} has seen all", partial(self._more, name, reader))
            assert self.seen[name] == self.sent, name
        assert self.world.killed(death)
        assert self.world.stop() == [0]

    def _more(self, name: str, reader: Reader) -> bool:
        self.seen[name] += reader.read()
        return self.seen[name].total() >= self.sent.total()


def _step_at(after: int) -> int:
    """The first step that was no more than an hour away from then; there may have been none, then it is the last."""
    return next((n for n, other in enumerate(STEPS) if abs(other - after) <= HOUR), len(STEPS) - 1)
