"""Events as a client sends them, and the way to get them in and out of a store without HTTP."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from msgspec.structs import replace

from tailrace.exports.downloads import Wanted, find_files
from tailrace.exports.records import Export, load_export
from tailrace.exports.run import run_export
from tailrace.exports.submit import submit
from tailrace.ingest.accept import Origin, Outcome
from tailrace.ingest.doors import door_of
from tailrace.ingest.plain import accept_small
from tailrace.ingest.protocols.native import draft_batch
from tailrace.ingest.seal import Sealed
from tailrace.ingest.sealing import seal_due, seal_everything
from tailrace.jobs.queue import claim
from tailrace.model.access import SCOPES, Principal, Scope
from tailrace.model.clock import iso
from tailrace.model.export import ExportRequest, Filters
from tailrace.model.window import Axis, Window
from tailrace.store.inbox import append
from tailrace.wiring import House
from tests.reading import read_csv, read_parquet, read_xml

T0 = 1_767_323_045_678  # 2026-01-02T03:04:05.678Z
Row = dict[str, Any]


def event(name: str, time: int, *, device: str = "d1", session: str | None = "s1", **more: Any) -> Row:
    """A native record; its id is made of device, session, name and time unless given."""
    record: Row = {"id": f"{device}/{session}/{name}/{time}", "event": name, "time": iso(time), "device_id": device}
    if session is not None:
        record["session_id"] = session
    return record | more


def send(house: House, scope: Scope, records: Sequence[Row], *, at: int | None = None) -> Outcome:
    """Accept records and make them durable, as `POST /v1/events` does."""
    raws = [json.dumps(record).encode() for record in records]
    received_at = house.clock.now() if at is None else at
    outcome = accept_small(
        door_of(house.database, scope), draft_batch(raws, None), raws, Origin("events", "{}"), received_at
    )
    append(house.database, [outcome.submission])
    return outcome


def seal(house: House, scope: Scope, *, close_all: bool = True, holder: str = "test") -> list[Sealed]:
    """Seal an app: everything that is there, or only what is due."""
    sealer = house.sealer()
    every = seal_everything(sealer, [scope], holder, close_all=True)
    steps = every if close_all else seal_due(sealer, [scope], holder)
    return [step.sealed for step in steps]


def principal(house: House, scope: Scope) -> Principal:
    """Someone with every right on the space."""
    return Principal(scope.space, 1, _token(house, scope), frozenset(SCOPES), frozenset("*"))


def request(
    scope: Scope,
    axis: Axis = "available",
    start: int | None = None,
    end: int | None = None,
    *,
    events: Iterable[str] = (),
    versions: Iterable[str] = (),
    **other: Any,
) -> ExportRequest:
    """An export request; `other` are keys of it."""
    filters = Filters(tuple(events), tuple(versions))
    return ExportRequest(scope.app_id, Window(axis, start, end), **({"filters": filters} | other))


def in_threads(house: House, workers: int = 2) -> House:
    """The same store, its exports made by threads: those see what a test has patched, and start at once."""
    made = house.settings.exports.model_copy(update={"pool": "threads", "workers": workers})
    return replace(house, settings=house.settings.model_copy(update={"exports": made}))


def export(house: House, scope: Scope, asked: ExportRequest) -> tuple[Row, list[Row]]:
    """Submit and run an export; its manifest and the rows of its files in their order."""
    manifest, found = contents(house, scope, asked)
    return manifest, [row for one in found for row in one.rows]


@dataclass(frozen=True)
class Content:
    """What a file or a member of an archive holds; `entry` is what the manifest says of it."""

    entry: Row
    data: bytes
    rows: list[Row]


def contents(house: House, scope: Scope, asked: ExportRequest) -> tuple[Row, list[Content]]:
    """Submit and run an export; its manifest, and what each file holds, each member where it is an archive."""
    done = make(house, scope, asked)
    manifest: Row = json.loads(done.manifest or "")
    return manifest, held(house, done)


def held(house: House, done: Export) -> list[Content]:
    """What each file of an export holds, each member where it is an archive."""
    files = json.loads(done.manifest or "")["files"]
    return [one for file in files for one in _held(file, file_bytes(house, done, file["name"]))]


def make(house: House, scope: Scope, asked: ExportRequest) -> Export:
    """Submit and run an export that must succeed."""
    done = work(house, scope, submit(house.submitter(), principal(house, scope), scope, asked).id)
    assert done.state == "succeeded", done.error
    return done


def work(house: House, scope: Scope, export_id: str) -> Export:
    """Claim and run one export job."""
    with house.runner() as runner:
        job = claim(house.database, "export", "test", runner.lease_ms)
        assert job is not None
        run_export(runner, job)
    return load_export(house.database, scope.space, scope.app, export_id)


def file_bytes(house: House, done: Export, name: str) -> bytes:
    """The bytes of a file of an export."""
    wanted = Wanted(done.id, name, done.scope.space)
    file = find_files(house.database, [wanted])[wanted].file
    assert file is not None, name
    return b"".join(house.files.chunks(file.object))


def inflated(data: bytes) -> bytes:
    """A file before it was deflated, an archive as its members with their names and dates. Equal content may be
    deflated to bytes that differ, docs/decisions/0077 says why.
    """
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    if not data.startswith(b"PK\x03\x04"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"".join(f"{one.filename} {one.date_time}\n".encode() + archive.read(one) for one in archive.infolist())


def rows_of(house: House, done: Export, name: str) -> list[Row]:
    """The rows of a file, read by other means than they were written."""
    manifest = json.loads(done.manifest or "")
    (file,) = (file for file in manifest["files"] if file["name"] == name)
    return [row for one in _held(file, file_bytes(house, done, name)) for row in one.rows]


_READ: dict[str, Callable[[bytes], list[Row]]] = {
    "json": lambda data: json.loads(data) if data[:1] == b"[" else [json.loads(line) for line in data.splitlines()],
    "csv": read_csv,
    "xml": read_xml,
    "parquet": read_parquet,
}
_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": gzip.decompress,
    "zstd": lambda data: bytes(pa.input_stream(io.BytesIO(data), compression="zstd").read()),
}


def _held(file: Row, data: bytes) -> list[Content]:
    read = _READ[file["format"]]
    if file["packing"] != "zip":
        plain = _UNPACK[file["packing"]](data)
        return [Content(file, plain, read(plain))]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [member["name"] for member in file["members"]]
        members = [(member, archive.read(member["name"])) for member in file["members"]]
    return [Content(member, plain, read(plain)) for member, plain in members]


def _token(house: House, scope: Scope) -> int:
    from sqlalchemy import select

    from tailrace.db.tables import tokens

    with house.database.read() as connection:
        return int(connection.scalar(select(tokens.c.number).where(tokens.c.space == scope.space)) or 0)
