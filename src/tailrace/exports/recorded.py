"""Finished slices of an export are recorded, and the next attempt takes their parts over.

A record holds as long as the same release would make the same part: it carries the release and a digest of what made
it. Parts are no durable files, so one that was recorded may be gone or torn after a power cut.
"""

from collections.abc import Collection, Iterator
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from tailrace import __version__
from tailrace.db.engine import Database
from tailrace.db.tables import export_parts
from tailrace.exports.slices import SliceSpec
from tailrace.exports.streams import PartDamaged, placed, read_piece
from tailrace.files.base import Files
from tailrace.jobs.queue import Job
from tailrace.model.export import Part

_decode = msgspec.json.Decoder(Part).decode


class Record(Struct, frozen=True):
    """A part, and the digest of what made it."""

    digest: str
    part: Part


class Recorded:
    """The finished slices of a job's export, by number: those of earlier attempts, and those of this one."""

    def __init__(self, database: Database, files: Files, job: Job) -> None:
        self.objects: set[str] = set()  # of all parts that have a record or are going to
        self._database = database
        self._files = files
        self._job = job
        self._records: dict[int, Record] = {}
        self._found: set[str] = set()  # objects of earlier attempts
        self._waiting: set[int] = set()

    def load(self) -> None:
        """Look up what earlier attempts of this release have recorded."""
        for number, record in _load(self._database, self._job):
            self._records[number] = record
            self._found.add(record.part.object)
        self.objects |= self._found

    def find(self, number: int, spec: SliceSpec) -> Part | None:
        """What an earlier attempt made of the same slice, if it is still there in full length."""
        record = self._records.get(number)
        if record is None or record.digest != digest(spec) or not _there(self._files, record.part):
            return None
        return record.part

    def keep(self, number: int, spec: SliceSpec, part: Part) -> None:
        """Have a part recorded with what is written next."""
        if part.object not in self._found:
            self.objects.add(part.object)
            self._records[number] = Record(digest(spec), part)
            self._waiting.add(number)

    def write(self, connection: Connection) -> set[int]:
        """Record what waits, in a transaction that has made sure of the job; the numbers of what was written."""
        numbers = set(self._waiting)
        if numbers:
            forget(connection, self._job.space, self._job.app, self._job.subject, numbers)
            rows = [self._row(number, record) for number, record in self._records.items() if number in numbers]
            if rows:  # else they were damaged and are only forgotten
                connection.execute(insert(export_parts), rows)
        return numbers

    def written(self, numbers: set[int]) -> None:
        """Their transaction is done: they wait no longer."""
        self._waiting -= numbers

    def drop_damaged(self) -> set[str]:
        """Let go of all slices whose parts are not what was written; their objects. What is written next says so."""
        damaged = {number for number, record in self._records.items() if not _whole(self._files, record.part)}
        objects = {self._records.pop(number).part.object for number in damaged}
        self._waiting |= damaged
        self.objects -= objects
        return objects

    def inherited(self, object_: str) -> bool:
        """Whether a part is of an earlier attempt."""
        return object_ in self._found

    def _row(self, number: int, record: Record) -> dict[str, Any]:
        return {
            "export": self._job.subject,
            "space": self._job.space,
            "app": self._job.app,
            "number": number,
            "code_version": __version__,
            "digest": record.digest,
            "part": msgspec.json.encode(record.part).decode(),
        }


def forget(
    connection: Connection, space: int, app: int, export_id: str, numbers: Collection[int] | None = None
) -> None:
    """Drop records of an export; all of them if no numbers are given."""
    some = () if numbers is None else (export_parts.c.number.in_(sorted(numbers)),)
    connection.execute(delete(export_parts).where(_of(space, app, export_id), *some))


def digest(spec: SliceSpec) -> str:
    """A digest of all that decides what a slice writes, apart from the release."""
    decides = replace(spec, object="", stop=None)
    return sha256(msgspec.json.encode(decides)).hexdigest()


def _load(database: Database, job: Job) -> Iterator[tuple[int, Record]]:
    with database.read() as connection:
        rows = connection.execute(
            select(export_parts).where(_of(job.space, job.app, job.subject), export_parts.c.code_version == __version__)
        ).all()
    for row in rows:
        yield row.number, Record(row.digest, _decode(row.part))


def _of(space: int, app: int, export_id: str) -> ColumnElement[bool]:
    return and_(export_parts.c.space == space, export_parts.c.app == app, export_parts.c.export == export_id)


def _there(files: Files, part: Part) -> bool:
    try:
        return files.size(part.object) == sum(piece.packed for piece in part.pieces)
    except FileNotFoundError:
        return False


def _whole(files: Files, part: Part) -> bool:
    try:
        for where in placed([part]):
            read_piece(files, where)
    except PartDamaged:
        return False
    return True
