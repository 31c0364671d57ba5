"""From domain values to JSON bodies."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tailrace.exports.manifests import request_document
from tailrace.exports.records import Export
from tailrace.ingest.accept import Outcome
from tailrace.model.clock import iso


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(document), status, headers, "application/json")


def accepted_document(outcome: Outcome) -> dict[str, Any]:
    """What became of a batch: bad records by position (from 0) and reason."""
    accepted = outcome.submission.accepted
    return {
        "received": accepted + len(outcome.rejected),
        "accepted": accepted,
        "rejected": [{"position": r.place, "reason": r.reason} for r in outcome.rejected],
    }


def export_document(export: Export) -> dict[str, Any]:
    """An export's state."""
    return {
        "id": export.id,
        "app": export.request.app,
        "state": export.state,
        "progress": {
            "slices": export.slices,
            "slices_done": export.slices_done,
            "percent": _percent(export),
        },
        "created_at": iso(export.created_at),
        "finished_at": None if export.finished_at is None else iso(export.finished_at),
        "expires_at": None if export.expires_at is None else iso(export.expires_at),
        "error": export.error,
        "request": request_document(export.request),
    }


def manifest_document(export: Export, base: str) -> dict[str, Any]:
    """The manifest of an export that has succeeded, its files with links below a base URL."""
    manifest: dict[str, Any] = msgspec.json.decode(export.manifest or "{}")
    for file in (*manifest["files"], manifest["schema"]):
        file["url"] = f"{base}/v1/exports/{export.id}/files/{file['name']}"
    return manifest


def base_url(public_url: str, request: Request) -> str:
    """Where links begin: the configured public URL, else the address that the request was sent to."""
    return (public_url or str(request.base_url)).rstrip("/")


def _percent(export: Export) -> int:
    if export.state in ("succeeded", "expired"):
        return 100
    return 0 if not export.slices else min(99, 100 * export.slices_done // export.slices)
