"""What SDKs of a project send, and what the archive of an export holds: read by two readers that share nothing."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.csv

from tailrace.ingest.accept import Origin, Outcome
from tailrace.ingest.discretion import DISCRETION, Discretion
from tailrace.ingest.doors import door_of
from tailrace.ingest.plain import accept_small
from tailrace.ingest.protocols.base import Sent
from tailrace.ingest.protocols.devtodev import DEVTODEV
from tailrace.model.clock import DAY, iso
from tailrace.model.export import ExportRequest
from tailrace.model.predicates import Predicate
from tailrace.store.inbox import append
from tailrace.surfaces.devtodev.selection import Selected
from tailrace.surfaces.devtodev.shapes import USERS, tables_of
from tests.sending import T0, Row, file_bytes, make, request, seal, send
from tests.unit.exports.conftest import a_copy
from tests.unit.exports.histories import Store

Cells = dict[str, str]
SENT_AT = T0 + DAY  # when all of it is received


@dataclass
class Archive:
    """The archive of an export: its bytes, and the rows of each of its files."""

    data: bytes
    files: dict[str, list[Cells]] = field(default_factory=dict)
    headers: dict[str, list[str]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> list[Cells]:
        """The rows of a file."""
        return self.files[f"{name}.csv"]

    def header(self, name: str) -> list[str]:
        """The columns of a file."""
        return self.headers[f"{name}.csv"]

    @property
    def names(self) -> list[str]:
        """Its files, in order."""
        return list(self.files)


@contextmanager
def project(wide: Path, place: Path) -> Iterator[Store]:
    """A store of several shards with an app."""
    with a_copy(wide, place) as copied:
        yield copied


def report(
    store: Store, *events: Row, ids: Row, at: int = SENT_AT, discretion: Discretion = DISCRETION, **package: Any
) -> Outcome:
    """Send a report of the Data API, as an SDK does, and seal it."""
    body = json.dumps({"reports": [{**ids, "packages": [{**package, "events": list(events)}]}]}).encode()
    sent = Sent("POST", "/v2/analytics/report", {}, {"appId": "wk_waves"}, {}, body, "", at)
    split = DEVTODEV.intakes[0].split(sent)
    draft = DEVTODEV.draft(split.raws, split.context)
    door = door_of(store.house.database, store.scope, discretion)
    outcome = accept_small(door, draft, split.raws, Origin("devtodev", "{}"), at)
    assert not outcome.rejected
    append(store.house.database, [outcome.submission])
    seal(store.house, store.scope)
    return outcome


def native(store: Store, *records: Row, at: int = SENT_AT) -> Outcome:
    """Send native records and seal them."""
    outcome = send(store.house, store.scope, records, at=at)
    seal(store.house, store.scope)
    return outcome


def said(code: str, at: int = T0, **members: Any) -> Row:
    """An event of the Data API with the members that each has."""
    return {"code": code, "timestamp": at, "level": 7, "sessionId": at // 1000} | members


def standard(name: str, at: int = T0, **more: Any) -> Row:
    """A native standard event."""
    record: Row = {"event": name, "kind": "standard", "time": iso(at), "device_id": "d1", "session_id": f"s{at}"}
    return record | more


def custom(name: str, *where: Predicate, alias: str | None = None, named: bool = True) -> Selected:
    """A custom event as it is selected."""
    return Selected(name, custom=True, where=where, alias=alias, named=named)


def basic(name: str, *, named: bool = True) -> Selected:
    """A standard event as it is selected."""
    return Selected(name, custom=False, named=named)


def asked(store: Store, selections: Sequence[Selected], start: int, end: int) -> ExportRequest:
    """A request as the surface makes it."""
    form: dict[str, Any] = {"shape": "tables", "split": "event", "format": "csv", "packing": "zip"}
    return request(store.scope, "event_time", start, end, tables=tables_of(selections), users=USERS, **form)


def archive(store: Store, *selections: Selected, start: int = T0 - DAY, end: int = T0 + 30 * DAY) -> Archive | None:
    """The archive of an export; None if there is none."""
    done = make(store.house, store.scope, asked(store, selections, start, end))
    files = json.loads(done.manifest or "")["files"]
    if not files:
        return None
    (file,) = files
    return opened(file_bytes(store.house, done, file["name"]))


def opened(data: bytes) -> Archive:
    """An archive, every file of it read by two readers."""
    found = Archive(data)
    with zipfile.ZipFile(io.BytesIO(data)) as held:
        assert held.testzip() is None
        for name in held.namelist():
            assert name not in found.files
            header, *rows = csv.reader(io.StringIO(held.read(name).decode("utf-8"), newline=""), strict=True)
            assert by_another(held.read(name)) == [header, *rows]
            found.headers[name] = header
            found.files[name] = [dict(zip(header, row, strict=True)) for row in rows]
    return found


def by_another(data: bytes) -> list[list[str]]:
    """The lines of a CSV file as Arrow reads them, all cells as texts; an empty one is an empty text."""
    width = len(next(csv.reader(io.StringIO(data.decode("utf-8"), newline=""))))
    names = [str(place) for place in range(width)]
    table = pyarrow.csv.read_csv(
        io.BytesIO(data),
        pyarrow.csv.ReadOptions(column_names=names),
        pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.string()), strings_can_be_null=False),
    )
    return [list(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]
