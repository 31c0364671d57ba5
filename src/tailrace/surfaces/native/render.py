"""From domain values to the documents of the native API."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.exports.estimating import Forecast
from tailrace.exports.listing import Page
from tailrace.exports.manifests import request_document
from tailrace.exports.records import Export
from tailrace.ingest.accept import Outcome
from tailrace.ingest.doubts import Doubt
from tailrace.model.clock import iso
from tailrace.surfaces.native.documents.events import AcceptedDocument, RejectedDocument, WarningDocument
from tailrace.surfaces.native.documents.exports import (
    EstimateDocument,
    ExportBody,
    ExportDocument,
    ExportsDocument,
    ProgressDocument,
    WaitingDocument,
)
from tailrace.surfaces.native.links import Links
from tailrace.web.paging import write_after


def json_response(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(document), status, headers, "application/json")


def secret_response(document: Any, status: int = 200) -> Response:
    """A JSON response that nobody on the way may keep: it holds a secret."""
    return json_response(document, status, {"cache-control": "no-store"})


def accepted_document(outcome: Outcome, odd: Sequence[Doubt]) -> AcceptedDocument:
    """What became of a batch: bad records by position (from 0) and reason, and so what is odd about good ones."""
    accepted = outcome.submission.accepted
    rejected = [RejectedDocument(r.place, r.reason) for r in outcome.rejected]
    warnings = [WarningDocument(doubt.place, doubt.reason) for doubt in odd]
    return AcceptedDocument(accepted + len(rejected), accepted, rejected, warnings)


def export_document(export: Export) -> ExportDocument:
    """An export's state."""
    return ExportDocument(
        id=export.id,
        app=export.request.app,
        state=export.state,
        progress=ProgressDocument(export.slices, export.slices_done, _percent(export)),
        created_at=iso(export.created_at),
        finished_at=None if export.finished_at is None else iso(export.finished_at),
        expires_at=_expires(export),
        waiting_for=_waiting(export),
        error=export.error,
        request=msgspec.convert(request_document(export.request), ExportBody),
    )


def exports_document(page: Page) -> ExportsDocument:
    """A page of exports."""
    return ExportsDocument([export_document(export) for export in page.exports], write_after(page.last))


def estimate_document(found: Forecast) -> EstimateDocument:
    """What an export would hold."""
    about = found.estimate
    return EstimateDocument(about.events, about.at_most, about.bytes, found.seconds)


def manifest_document(export: Export, links: Links) -> dict[str, Any]:
    """The manifest of an export that has succeeded, its files with links made now.

    It is shown as it was written, whichever release did that; `ManifestDocument` is what this one writes.
    """
    manifest: dict[str, Any] = msgspec.json.decode(export.manifest or "{}")
    for file in (*manifest["files"], manifest["schema"]):
        file["url"] = links.of(export, file["name"])
    return manifest


def _waiting(export: Export) -> WaitingDocument | None:
    """What keeps a queued export from being resolved to commits: only what has to wait is not."""
    end = export.request.window.end
    if export.state != "queued" or export.snapshot is not None or end is None:
        return None
    if export.request.window.axis == "available":
        return WaitingDocument("window_end", iso(end), None)
    through = export.complete_through
    return WaitingDocument("completeness", iso(end), None if through is None else iso(through))


def _expires(export: Export) -> str | None:
    """Until when files are kept, where there are or were some."""
    return iso(export.expires_at) if export.expires_at and export.state in ("succeeded", "expired") else None


def _percent(export: Export) -> int:
    if export.state in ("succeeded", "expired"):
        return 100
    return 0 if not export.slices else min(99, 100 * export.slices_done // export.slices)
