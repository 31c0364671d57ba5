"""From domain values to the documents of the native API."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.exports.manifests import request_document
from tailrace.exports.records import Export
from tailrace.ingest.accept import Outcome
from tailrace.model.clock import iso
from tailrace.surfaces.native.documents.events import AcceptedDocument, RejectedDocument
from tailrace.surfaces.native.documents.exports import ExportBody, ExportDocument, ProgressDocument
from tailrace.surfaces.native.links import Links


def json_response(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(document), status, headers, "application/json")


def accepted_document(outcome: Outcome) -> AcceptedDocument:
    """What became of a batch: bad records by position (from 0) and reason."""
    accepted = outcome.submission.accepted
    rejected = [RejectedDocument(r.place, r.reason) for r in outcome.rejected]
    return AcceptedDocument(accepted + len(rejected), accepted, rejected)


def export_document(export: Export) -> ExportDocument:
    """An export's state."""
    return ExportDocument(
        id=export.id,
        app=export.request.app,
        state=export.state,
        progress=ProgressDocument(export.slices, export.slices_done, _percent(export)),
        created_at=iso(export.created_at),
        finished_at=None if export.finished_at is None else iso(export.finished_at),
        expires_at=None if export.expires_at is None else iso(export.expires_at),
        error=export.error,
        request=msgspec.convert(request_document(export.request), ExportBody),
    )


def manifest_document(export: Export, links: Links) -> dict[str, Any]:
    """The manifest of an export that has succeeded, its files with links made now.

    It is shown as it was written, whichever release did that; `ManifestDocument` is what this one writes.
    """
    manifest: dict[str, Any] = msgspec.json.decode(export.manifest or "{}")
    for file in (*manifest["files"], manifest["schema"]):
        file["url"] = links.of(export, file["name"])
    return manifest


def _percent(export: Export) -> int:
    if export.state in ("succeeded", "expired"):
        return 100
    return 0 if not export.slices else min(99, 100 * export.slices_done // export.slices)
