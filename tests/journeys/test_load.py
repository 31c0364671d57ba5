"""Load: a hundred exports at once from three spaces on one box. All are exact, and each space has its share."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.db.tables import exports, jobs
from tailrace.exports.records import Export, load_export
from tailrace.exports.submit import submit
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, MINUTE
from tailrace.wiring import House, open_house, provision
from tests.sending import T0, Row, event, principal, request, rows_of, seal, send

THIRD = """
[[spaces]]
id = "third"
[[spaces.apps]]
id = "app_third"
write_key = "wk_third"
[[spaces.users]]
email = "eve@example.com"
role = "admin"
[[spaces.tokens]]
value = "tok_third"
user = "eve@example.com"
"""
# The greedy space asks first, and for most.
SPACES = {"app_waves": 60, "app_other": 30, "app_third": 10}
EVENTS = 6_000  # of each app
RUNNING = 4  # exports at a time
# On PostgreSQL all that claim at one moment may take turns of the same space, which it pays later: at the start, where
# there is nothing to pay yet, and just before the end. Those that start together are seen in any order.
AT_ONCE = 3 * RUNNING
WAIT_S = 120
# A worker with its modules, the process that others are copied from, and two that make slices, each with less than
# 40 MB of its own for slices of this size: 100 exports at once may not need more than the four that run.
MEMORY = 340 << 20
FORMS: Sequence[Row] = (
    {},
    {"shape": "sessions"},
    {"format": "csv", "packing": "zip"},
    {"format": "parquet", "packing": "none", "split": "day"},
)


@dataclass(frozen=True)
class Asked:
    """An export and the ids that it must hold, each once."""

    export: Export
    ids: Counter[str]


@pytest.fixture
def fleet(data: Path, provisioning: Path, tmp_path: Path) -> Iterator[House]:
    """A store with a third space; no export is answered from a cache."""
    with (data / "tailrace.toml").open("a") as settings:
        settings.write(f"[exports]\nrunning = {RUNNING}\ncache_bytes = 0\n")
    more = tmp_path / "third.toml"
    more.write_text(THIRD)
    with open_house(data) as house:
        provision(house, read_provisioning(provisioning))
        provision(house, read_provisioning(more))
        yield house


def fill(house: House, scope: Scope) -> list[Row]:
    """Events of some hundred sessions on three days; those of no app are those of another."""
    chance = random.Random(scope.app_id)  # noqa: S311
    records = []
    for number in range(EVENTS):
        session = chance.randrange(300)
        at = T0 + session * 14 * MINUTE + chance.randrange(2 * HOUR)
        records.append(
            event("e", at, device=f"d{session % 40}", session=f"s{session}", id=f"{scope.app_id}/{number}")
            | {"params": {"n": number, "text": "x" * chance.randrange(200)}}
        )
    send(house, scope, records)
    seal(house, scope)
    return records


def ask(house: House, scope: Scope, records: Sequence[Row], number: int) -> Asked:
    """An export of some hours, and what was sent of these."""
    start = T0 + number * 37 % 60 * HOUR
    window = (start, start + (4 + number % 20) * HOUR)
    form = FORMS[number % len(FORMS)]
    wanted = request(scope, "event_time", *window, **form)
    times = {record["id"]: time_of(record) for record in records}
    ids = Counter(id_ for id_, at in times.items() if window[0] <= at < window[1])
    return Asked(submit(house.submitter(), principal(house, scope), scope, wanted), ids)


def time_of(record: Row) -> int:
    """The instant of a record, by the standard library."""
    from tests.unit.store.history import milliseconds

    return milliseconds(record["time"])


@contextmanager
def worker(data: Path) -> Iterator["Memory"]:
    """`tailrace worker` as a process, its memory looked at. It ends in order at SIGTERM."""
    log = data / "worker.log"
    command = [sys.executable, "-m", "tailrace", "worker", "--data", str(data)]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        memory = Memory(process.pid)
        try:
            yield memory
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
            memory.end()
    assert code == 0, log.read_text()[-3000:]


class Memory:
    """The largest memory of a process and all below it: PSS, so that what they share counts once."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.peak = max(self.peak, sum(pss(pid) for pid in tree(self._pid)))


def tree(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from tree(int(child))


def pss(pid: int) -> int:
    """The memory of a process in bytes, shared pages by their share."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0


def wait_for(house: House, asked: Sequence[Asked]) -> list[Export]:
    """All exports, when all have ended."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found = [
            load_export(house.database, one.export.scope.space, one.export.scope.app, one.export.id) for one in asked
        ]
        if all(export.finished_at is not None for export in found):
            return found
        assert time.monotonic() < deadline, Counter(export.state for export in found)
        time.sleep(0.2)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)  # on SQLite a hundred come by way of Flurry's API
def test_a_hundred_exports_at_once(fleet: House) -> None:
    """All succeed and hold just what was sent, memory stays bounded, and each space gets its share from the start."""
    scopes = {app: scope_of_app(fleet.database, app) for app in SPACES}
    sent = {app: fill(fleet, scope) for app, scope in scopes.items()}
    asked = [ask(fleet, scopes[app], sent[app], n) for app, count in SPACES.items() for n in range(count)]
    assert len(asked) == 100
    with worker(fleet.data) as memory:
        done = wait_for(fleet, asked)
    assert Counter(export.state for export in done) == {"succeeded": 100}
    for one, export in zip(asked, done, strict=True):
        assert ids_of(fleet, export) == one.ids, export.request
    check_shares(fleet, done)
    assert 50 << 20 < memory.peak < MEMORY, f"{memory.peak >> 20} MB"


def ids_of(house: House, export: Export) -> Counter[str]:
    """Ids of all events in its files, each as often as it is there."""
    manifest = json.loads(export.manifest or "")
    rows = [row for file in manifest["files"] for row in rows_of(house, export, file["name"])]
    events = [one for row in rows for one in row["events"]] if export.request.shape == "sessions" else rows
    return Counter(one["id"] for one in events)


def check_shares(house: House, done: Sequence[Export]) -> None:
    """By order of starting: who asked for few exports has them begun when everybody has had as many turns. An export
    that gave way for another space takes a further turn.
    """
    started = started_at(house)
    order = [export.request.app for export in sorted(done, key=lambda export: started[export.id])]
    last = {app: len(order) - order[::-1].index(app) for app in SPACES}
    turns = turns_taken(house, done)
    assert turns.total() <= 2 * len(done), turns  # giving way is the exception
    few, some, _ = sorted(turns[app] for app in SPACES)
    assert last["app_third"] <= 3 * few + AT_ONCE, (turns, order)
    assert last["app_other"] <= few + 2 * some + AT_ONCE, (turns, order)


def started_at(house: House) -> dict[str, int]:
    """When each export was begun. Ends say less: a short one may overtake any number of turns of a long one."""
    with house.database.read() as connection:
        return {row.id: row.started_at for row in connection.execute(select(exports.c.id, exports.c.started_at))}


def turns_taken(house: House, done: Sequence[Export]) -> Counter[str]:
    """How often exports of each app were claimed."""
    query = select(jobs.c.subject, jobs.c.attempt).where(jobs.c.lane == "export")
    with house.database.read() as connection:
        attempts = {row.subject: row.attempt for row in connection.execute(query)}
    turns: Counter[str] = Counter()
    for export in done:
        turns[export.request.app] += attempts[export.id]
    return turns
