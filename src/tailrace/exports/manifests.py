"""Manifests: the list of an export's files with counts, hashes, bounds and cursor, written last."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from tailrace import __version__
from tailrace.accounts.store import Identity
from tailrace.exports.cursors import Cursor, request_digest, write_cursor
from tailrace.exports.records import Export
from tailrace.exports.resolve import Resolved
from tailrace.model.clock import iso
from tailrace.model.export import ExportFile, ExportRequest, Totals
from tailrace.model.fields import DEFAULT_EVENT_COLUMNS, SCHEMA_VERSION

VERSION = 1


def make_manifest(
    identity: Identity,
    export: Export,
    resolved: Resolved,
    totals: tuple[Totals, Totals] | None,
    files: Sequence[ExportFile],
) -> dict[str, Any]:
    """A manifest as JSON values. `totals` are those before and after an increment; a cursor exists only there."""
    request = export.request
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
        "columns": list(request.columns or DEFAULT_EVENT_COLUMNS),
        "filtered": not request.filters.empty,
        "rows": sum(f.rows for f in files),
        "bytes": sum(f.bytes for f in files),
        "files": [_file(f) for f in files],
    }


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
            "where": [],
        },
        "columns": None if request.columns is None else list(request.columns),
        "split": request.split,
        "after": request.after,
    }


def window_document(request: ExportRequest) -> dict[str, Any]:
    """A window as axis, from and to."""
    window = request.window
    return {
        "axis": window.axis,
        "from": None if window.start is None else iso(window.start),
        "to": None if window.end is None else iso(window.end),
    }


def _cursor(identity: Identity, request: ExportRequest, resolved: Resolved) -> str | None:
    if resolved.upto_seq is None:
        return None
    cursor = Cursor(identity.epoch, request.app, resolved.upto_seq, request_digest(request))
    return write_cursor(identity.secret, cursor)


def _totals(totals: Totals) -> dict[str, int]:
    return {"events": totals.events, "fragments": totals.fragments}


def _file(file: ExportFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "rows": file.rows,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "content_sha256": file.content_sha256,
        "format": file.format,
        "packing": file.packing,
        "min_time": None if file.min_time is None else iso(file.min_time),
        "max_time": None if file.max_time is None else iso(file.max_time),
    }
