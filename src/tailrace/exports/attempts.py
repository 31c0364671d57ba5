"""What running exports needs, and one attempt at one of them."""

import threading
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection

from tailrace.db.engine import Database
from tailrace.exports.course import Course
from tailrace.exports.making import Maker
from tailrace.exports.recorded import Recorded, forget
from tailrace.exports.records import change_export
from tailrace.exports.submit import Submitter
from tailrace.jobs.queue import Job
from tailrace.model.access import Scope
from tailrace.model.clock import Clock


class Output:
    """What the exports that succeeded in this process hold, since its start: rows, and bytes of files."""

    def __init__(self) -> None:
        self.rows = 0
        self.bytes = 0
        self._lock = threading.Lock()

    def add(self, rows: int, size: int) -> None:
        """Count one more export."""
        with self._lock:
            self.rows += rows
            self.bytes += size


class Runner(Struct, frozen=True):
    """What running exports needs; many threads share it.

    `lease_ms` is how long a silent worker keeps its job, `turn_ms` how long an export runs before it gives way to
    spaces of which nothing runs. `closing` is set when what runs is to be given back.
    """

    submitter: Submitter
    maker: Maker
    clock: Clock
    lease_ms: int
    max_attempts: int
    turn_ms: int
    closing: threading.Event = field(default_factory=threading.Event)
    output: Output = field(default_factory=Output)


class Attempt(Struct, frozen=True):
    """A claimed job on its way."""

    runner: Runner
    job: Job
    course: Course
    recorded: Recorded

    @property
    def database(self) -> Database:
        """Where its state is kept."""
        return self.runner.submitter.database

    @property
    def id(self) -> str:
        """The export's."""
        return self.job.subject

    @property
    def scope(self) -> Scope:
        """The export's app by its numbers alone, by which rows are found."""
        return Scope(self.job.space, self.job.app, "", "")

    def change(self, connection: Connection, **values: Any) -> None:
        """Change columns of the export, in a transaction that makes sure of the job."""
        change_export(connection, self.job.space, self.job.app, self.job.subject, **values)

    def forget(self, connection: Connection) -> None:
        """Drop the records of finished slices: nobody will go on with them."""
        forget(connection, self.job.space, self.job.app, self.job.subject)
