"""Writers in small: sealers and exporters that write one object at a time, and commit by the real transactions."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select, update

from tailrace.db.tables import export_files, exports, id_runs, owned, segments
from tailrace.exports.records import Export, StoredFile, insert_files
from tailrace.exports.submit import submit
from tailrace.jobs.queue import Job, claim, finish
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.model.ids import RandomIds
from tailrace.model.objects import export_name, run_name, segment_name
from tailrace.model.segment import Location, Statistics
from tailrace.model.shards import Shard
from tailrace.store.commits import NewRun, NewSegment, Seal, commit
from tailrace.store.shards import Lease, Progress, acquire
from tailrace.upkeep.sweep import Swept, sweep
from tailrace.wiring import House
from tests.sending import T0, principal, request

LEASE = MINUTE
GRACE = HOUR
LIFE = DAY
SHARD = Shard(0, 0, 0)
_IDS = RandomIds()


def unique() -> str:
    """A name that there was never before."""
    return _IDS.new("x", T0)


@dataclass
class Sealer:
    """One who holds the only shard, and the objects that it has written and not committed."""

    house: House
    lease: Lease
    written: list[str] = field(default_factory=list)
    run: str | None = None

    def write(self) -> str:
        """Write a segment."""
        key = segment_name(self.lease.scope, T0 // DAY, "all", self.lease.fence, unique())
        put(self.house, key)
        self.written.append(key)
        return key

    def write_run(self) -> str:
        """Write a run of dedupe keys."""
        self.run = run_name(self.lease.scope, "all", self.lease.fence, unique())
        put(self.house, self.run)
        return self.run

    def commit(self) -> list[str]:
        """Commit by the real transaction; what is named from then on. Raises FenceLost."""
        named = [*self.written, *([self.run] if self.run else [])]
        run = NewRun(self.run, 1, T0, ()) if self.run else None
        fragments = [_segment(key) for key in self.written]
        commit(self.house.database, Seal(self.lease, Progress(0, 0, 0, (), None, None), fragments, run, ()))
        self.written, self.run = [], None
        return named


@dataclass
class Exporter:
    """One who holds the job of an export, and the files that it has written."""

    house: House
    job: Job
    export: Export
    written: list[str] = field(default_factory=list)

    def write(self) -> str:
        """Write a file."""
        key = export_name(self.export.scope, self.export.id, self.job.fence, unique())
        put(self.house, key)
        self.written.append(key)
        return key

    def commit(self) -> list[str]:
        """Succeed by the real functions, in one transaction; what is named from then on. Raises FenceLost."""
        files = [StoredFile(f"f{n}", key, 1, "0" * 64, "text/plain") for n, key in enumerate(self.written)]
        with self.house.database.write() as connection:
            now = self.house.database.now(connection)
            finish(connection, self.job, "succeeded")
            insert_files(connection, self.export, files)
            values = {"state": "succeeded", "expires_at": now + LIFE, "finished_at": now}
            connection.execute(update(exports).where(exports.c.id == self.export.id).values(**values))
        return self.written


def sealer(house: House, scope: Scope, holder: str = "one") -> Sealer | None:
    """Take the only shard, unless another holds it."""
    lease = acquire(house.database, scope, SHARD, holder, LEASE)
    return None if lease is None else Sealer(house, lease)


def ask(house: House, scope: Scope) -> Export:
    """Ask for an export."""
    return submit(house.submitter(), principal(house, scope), scope, request(scope))


def exporter(house: House, asked: dict[str, Export], holder: str = "one") -> Exporter | None:
    """Take the job of an export, if one is free."""
    job = claim(house.database, "export", holder, LEASE)
    return None if job is None else Exporter(house, job, asked[job.subject])


def put(house: House, key: str, data: bytes = b"x") -> None:
    """Write an object; its age is told by the store's clock, which is the one of the test."""
    with house.files.create(key) as sink:
        sink.write(data)
    touch(house, key)


def touch(house: House, key: str) -> None:
    """Say that an object was written now, by the clock of the test."""
    seconds = house.clock.now() / 1000
    os.utime(path_of(house, key), (seconds, seconds))


def path_of(house: House, key: str) -> Path:
    """Where an object lies."""
    return house.data / "files" / key


def objects(house: House, scope: Scope) -> set[str]:
    """Every file of an app that there is, unfinished ones too, found by other means than a sweep finds them."""
    root = house.data / "files"
    return {path.relative_to(root).as_posix() for path in (root / scope.prefix).rglob("*") if path.is_file()}


def named(house: House, scope: Scope) -> set[str]:
    """Every object that a row of data or of a finished export names."""
    with house.database.read() as connection:
        return {
            key
            for table in (segments, id_runs, export_files)
            for key in connection.scalars(select(table.c.object).where(owned(table, scope)))
        }


def swept(house: House, scope: Scope) -> Swept:
    """Sweep an app to the end."""
    return sweep(house.sweeper(), scope, lambda: None)


def _segment(key: str) -> NewSegment:
    statistics = Statistics(1, 1, 0, T0, T0, T0, T0)
    return NewSegment(T0 // DAY, "all", Location(key, 0, 1), statistics, ())
