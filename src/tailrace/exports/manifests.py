"""Manifests: the list of an export's files with counts, hashes, bounds and cursor, written last."""

from importlib.metadata import version
from typing import Any

from sqlalchemy import Connection

from tailrace import __version__
from tailrace.accounts.store import Identity
from tailrace.exports.cursors import Cursor, request_digest, write_cursor
from tailrace.exports.layout import USERS, columns_of, sheet_of
from tailrace.exports.making import Made
from tailrace.exports.records import Export
from tailrace.exports.resolve import Resolved
from tailrace.model.clock import iso
from tailrace.model.export import ExportFile, ExportRequest, Member, Totals
from tailrace.model.fields import SCHEMA_VERSION
from tailrace.store.snapshots import totals_at

VERSION = 1


def make_manifest(
    identity: Identity,
    export: Export,
    resolved: Resolved,
    totals: tuple[Totals, Totals] | None,
    made: Made,
) -> dict[str, Any]:
    """A manifest as JSON values. `totals` are those before and after an increment; a cursor exists only there."""
    request, files, schema = export.request, made.files, made.schema
    return {
        "version": VERSION,
        "release": __version__,
        "timezone_rules": version("tzdata"),
        "schema_version": SCHEMA_VERSION,
        "export": export.id,
        "app": request.app,
        "request": request_document(request),
        "epoch": identity.epoch,
        "snapshot_seq": resolved.snapshot,
        "complete_through": iso(resolved.complete_through),
        "window": window_document(request),
        "cursor": _cursor(identity, request, resolved),
        "previous_cursor": request.after,
        "totals_before": _totals(totals[0]) if totals else None,
        "totals_after": _totals(totals[1]) if totals else None,
        "shape": request.shape,
        "columns": _columns(request),
        "filtered": not request.reading.empty,
        "rows": sum(_rows(f) for f in files if not request.nest or f.key in (None, request.nest.tables[0].name)),
        "bytes": sum(f.bytes for f in files),
        "files": [_file(f) for f in files],
        "schema": {"name": schema.name, "bytes": schema.bytes, "sha256": schema.sha256},
    }


def totals_of(connection: Connection, export: Export, resolved: Resolved) -> tuple[Totals, Totals] | None:
    """An app's counts before and after an increment; None on other axes."""
    if resolved.after_seq is None or resolved.upto_seq is None or export.request.available is not None:
        return None
    before = totals_at(connection, export.scope, resolved.after_seq)
    return before, totals_at(connection, export.scope, resolved.upto_seq)


def request_document(request: ExportRequest) -> dict[str, Any]:
    """A request in the native words, complete, so that it can be sent again."""
    return {
        "app": request.app,
        "window": window_document(request),
        "shape": request.shape,
        "format": request.format,
        "packing": request.packing,
        "filters": {
            "events": list(request.filters.events),
            "versions": list(request.filters.versions),
            "where": [predicate.document() for predicate in request.filters.where],
        },
        "columns": None if request.columns is None else list(request.columns),
        "split": request.split,
        "file_bytes": request.file_bytes,
        "json_array": request.json_array,
        "csv_safe": request.csv_safe,
        "wait_until_complete": request.wait_until_complete,
        "after": request.after,
    }


def _columns(request: ExportRequest) -> list[str]:
    """As the files name them."""
    if request.row_shape is not None:
        return [column.name for column in sheet_of(request).columns]
    if request.nest is not None:
        return [column.name for column in request.nest.tables[0].columns]
    return list(columns_of(request))


def window_document(request: ExportRequest) -> dict[str, Any]:
    """A window as axis, from and to."""
    window = request.window
    return {
        "axis": window.axis,
        "from": None if window.start is None else iso(window.start),
        "to": None if window.end is None else iso(window.end),
    }


def _cursor(identity: Identity, request: ExportRequest, resolved: Resolved) -> str | None:
    if resolved.upto_seq is None or request.available is not None:
        return None
    cursor = Cursor(identity.epoch, request.app, resolved.upto_seq, request_digest(request))
    return write_cursor(identity.secret, cursor)


def _totals(totals: Totals) -> dict[str, int]:
    return {"events": totals.events, "fragments": totals.fragments}


def _rows(file: ExportFile) -> int:
    """Rows without those of a users table, which are no events."""
    members = sum(member.rows for member in file.members if member.key == USERS)
    return 0 if file.key == USERS else file.rows - members


def _file(file: ExportFile) -> dict[str, Any]:
    return {
        "name": file.name,
        **_content(file),
        "sha256": file.sha256,
        "format": file.format,
        "packing": file.packing,
        "members": [{"name": member.name, **_content(member)} for member in file.members] or None,
    }


def _content(file: ExportFile | Member) -> dict[str, Any]:
    return {
        "key": None if file.key == USERS else file.key,
        "of": "users" if file.key == USERS else "rows",
        "rows": file.rows,
        "bytes": file.bytes,
        "content_sha256": file.content_sha256,
        "min_time": None if file.min_time is None else iso(file.min_time),
        "max_time": None if file.max_time is None else iso(file.max_time),
    }
