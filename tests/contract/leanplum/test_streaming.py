"""The document's recipe for a stream of exports, and what stands behind it."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.contract.leanplum.client import events, sessions, tables
from tests.contract.leanplum.conftest import DAY, HOUR, MINUTE, NOON, SECOND, Row, World, day
from tests.sending import event

DAYS, EVERY = 30, 2
LATEST = 5 * DAY  # two days later, when it may first be asked for, it is still within eight
WRONG = 5 * MINUTE  # a client's clock, at most, either way


class Stream:
    """Events as they come, day by day, and a client that follows the recipe with a clock that is wrong."""

    def __init__(self, world: World, exportFormat: str) -> None:  # noqa: N803 - as the argument is called
        self.now = NOON
        self.sent = 0
        self.seen: Counter[int] = Counter()
        self._world = world
        self._format = exportFormat
        self._chance = random.Random(3)  # noqa: S311 - it is to be the same each time
        self._begun: list[tuple[str, str, int]] = []  # sessions: device, id and start
        self._last: float | None = None
        self._client = replace(world.client, pause=self._pause)

    def _pause(self) -> None:
        self.pass_by(MINUTE)
        time.sleep(0.1)

    def pass_by(self, ms: int) -> None:
        """Let time pass."""
        self.now += ms
        self._world.set(self.now)

    def send(self) -> None:
        """New sessions, sessions that come late, and events that come late to sessions that were sealed."""
        self._world.take_in(*self._records())

    def _records(self) -> Iterator[Row]:
        for late in (0, 3 * HOUR, 2 * DAY, LATEST):
            start = self.now - late - self._chance.randrange(HOUR)
            self._begun.append((f"d{len(self._begun) % 5}", f"s{len(self._begun)}", start))
            yield self._event(*self._begun[-1])
        known = [one for one in self._begun if one[2] > self.now - LATEST]
        for device, session, start in self._chance.sample(known, 3):
            yield self._event(device, session, min(start + HOUR, self.now))

    def _event(self, device: str, session: str, time: int) -> Row:
        self.sent += 1
        return event("e", time, device=device, session=session, id=f"e{self.sent}", params={"n": self.sent})

    def export(self) -> str:
        """One request of the recipe, to its end; meanwhile more comes. The state in which the job was seen first."""
        client_now = self.now + self._chance.randint(-WRONG, WRONG)
        more: Row = {} if self._last is None else {"startTime": self._last}
        self._last = client_now // SECOND
        answer = self._client.call(
            "exportData",
            startDate=day(client_now, -8),
            endDate=day(client_now, 2),
            endTime=self._last,
            exportFormat=self._format,
            **more,
        )
        self.send()
        if answer.status == 404:
            return "none"
        job = answer.first["jobId"]
        first: str = self._client.results(job)["state"]
        self._take(self._client.wait(job))
        return first

    def _take(self, done: Row) -> None:
        if self._format == "csv":
            self.seen.update(int(row["value"]) for row in tables(done)["eventparameters"])
        else:
            self.seen.update(one["parameters"]["n"] for session in sessions(done) for one in events(session))


@pytest.mark.parametrize("exportFormat", ["json", "csv"])
def test_the_recipe_shows_every_event_once(world: World, exportFormat: str) -> None:  # noqa: N803
    """Thirty days of requests from eight days back to two ahead, each from where the last one ended: sessions and
    events that come up to five days late, some while a request is under way, are each shown once, by a clock that is
    up to five minutes slow or fast.
    """
    stream, states = Stream(world, exportFormat), Counter[str]()
    for _ in range(0, DAYS if exportFormat == "json" else 6, EVERY):
        stream.send()
        stream.pass_by(2 * MINUTE)
        states[stream.export()] += 1
        stream.pass_by(EVERY * DAY)
    stream.pass_by(HOUR)
    stream.export()
    stream.pass_by(HOUR)
    sent = stream.sent - 7  # what came while the last request was under way is of the next one
    assert states["PENDING"] > 0
    assert {n: stream.seen[n] for n in range(1, sent + 1) if stream.seen[n] != 1} == {}
    assert max(stream.seen.values()) == 1
