"""A chain of exports into a bucket: what lies there in the end is what was sent, whoever died and whatever S3 said."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND
from tests.crash.backends import Row, Stands
from tests.crash.checks import check_balance, check_ledger
from tests.crash.worlds import World
from tests.faults import Fault, cut_request, error, lost_answer, proxy_before, reset
from tests.late.readers import ByRecipe
from tests.late.scenario import SILENCE
from tests.sending import event
from tests.stores import ACCOUNT, PASSWORD, S3Server

pytestmark = [pytest.mark.late, pytest.mark.crash]

DAYS, EVERY = 30, 2
LATENESS = (0, 3 * HOUR, 2 * DAY, 5 * DAY)
# Each once, at the second or third passing of a life: where a copy is in its middle, is done and nobody knows, and
# where what it is made of comes to be.
DEATHS = "delivery.file_copied:2,delivery.before_end:3,export.before_commit:2,commit.after:3"
# What S3 says in turn, one of them at each step: more often than an attempt asks again, so that others follow.
FAULTS: tuple[tuple[Fault, int], ...] = (
    (error(503, "SlowDown"), 1),
    (reset, 2),
    (lost_answer, 1),
    (error(500, "InternalError"), 4),
    (cut_request, 1),
)

SETTINGS = {
    "DELIVERY__ALLOW_NETWORKS": "127.0.0.0/8",
    "DELIVERY__LEASE_MS": "1500",
    "DELIVERY__FIRST_PAUSE_MS": "200",
    "S3__RETRIES": "2",
}


class ByCopies(ByRecipe):
    """The same recipe, each export copied into a bucket: what is read is what lies there, and no file of the server."""

    def __init__(self, world: World, server: S3Server) -> None:
        self._server = server
        self.bucket = server.bucket()
        keys = {"s3AccessId": ACCOUNT, "s3AccessKey": PASSWORD}
        super().__init__(world, world.waves, s3BucketName=self.bucket, s3ObjectPrefix="chain/", **keys)
        self.keys: list[str] = []

    def _files(self, done: Mapping[str, Any]) -> Iterable[bytes]:
        status = done["s3CopyStatus"]
        assert (list(status), len(status["success"])) == (["success"], len(done["files"])), status
        keys = [one["destFile"] for one in status["success"]]
        self.keys += keys
        return [self._server.read(self.bucket, key) for key in keys]


def wave(world: World, numbers: Iterator[int]) -> Iterator[Row]:
    """Events that are late by so much each, of a session of their own and of one that was known before."""
    for late in LATENESS:
        for session in (f"s{world.now // DAY}-{late}", f"d{late}"):
            for place in range(2):
                n = next(numbers)
                at = world.now - late - MINUTE + place * SECOND
                yield event("e", at, device=f"d{late}", session=session, id=f"e{n}", params={"n": n})


def test_a_chain_of_copies_holds_each_event_once(
    tmp_path: Path, embedded: Stands, swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty days, an export every other day by the recipe of the document, each copied to S3, which fails in one way
    or another each time; the server dies four times. Each event that was acknowledged lies in the bucket once.
    """
    with proxy_before(swift.endpoint) as proxy:
        for name, value in (SETTINGS | {"DELIVERY__S3_ENDPOINT": proxy.endpoint}).items():
            monkeypatch.setenv(f"TAILRACE_{name}", value)
        with World(tmp_path / "world", embedded, silence=SILENCE) as world:
            world.at_death = lambda: check_balance(world)
            world.run("alone", kill=DEATHS)
            chain, numbers, seen = ByCopies(world, swift), count(), Counter[int]()
            for step in range(DAYS // EVERY):
                fault, times = FAULTS[step % len(FAULTS)]
                world.jump(step * EVERY * DAY)
                world.send(world.waves, list(wave(world, numbers)))
                world.send(world.waves, list(world.waves.acknowledged.values())[-3::2])  # what came comes again
                world.jump(world.ahead + SILENCE + MINUTE)
                world.sealed()
                proxy.plan(fault, "PUT", "/chain/", times)
                seen += chain.read()
                assert proxy.spent
            check_ledger(world)
            assert [point for point in DEATHS.split(",") if not world.killed(point)] == []
            assert world.stop() == [0]
    assert seen == Counter(range(next(numbers)))
    assert sorted(chain.keys) == sorted(set(chain.keys)) == sorted(swift.objects(chain.bucket))
    assert swift.uploads(chain.bucket) == []
