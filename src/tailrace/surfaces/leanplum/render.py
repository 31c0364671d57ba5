"""From domain values to the documents of the API: an object in an array in an object."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.exports.records import Export
from tailrace.model.export import ExportState

MEDIA_TYPE = "application/json;charset=utf-8"
HEADERS: Mapping[str, str] = {"access-control-allow-origin": "*", "cache-control": "private"}

STATES: Mapping[ExportState, str] = {
    "queued": "PENDING",
    "running": "RUNNING",
    "succeeded": "FINISHED",
    "expired": "FINISHED",
    "failed": "FAILED",
    "cancelled": "FAILED",
}


def answer(document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """One element as the whole answer."""
    return Response(envelope(document), status, {**HEADERS, **(headers or {})}, MEDIA_TYPE)


def envelope(document: Mapping[str, Any]) -> bytes:
    """One element in what the API puts around it."""
    return msgspec.json.encode({"response": [document]})


def job_id(app: int, number: str) -> str:
    """The id of a job: the app's number, and its own."""
    return f"export_{app}_{number}"


def results(export: Export, job: str, origin: str, now: int) -> Mapping[str, Any]:
    """An export as it stands at an instant in ms; once its files have had their time it has none to show."""
    document: dict[str, Any] = {"jobId": job, "success": True, "state": STATES[export.state]}
    if document["state"] != "FINISHED":
        return document
    manifest = msgspec.json.decode(export.manifest or "{}")
    over = export.state == "expired" or (export.expires_at is not None and now >= export.expires_at)
    return document | {
        "numSessions": manifest.get("rows", 0),
        "numBytes": manifest.get("bytes", 0),
        "files": [] if over else _files(manifest, origin),
    }


def _files(manifest: Mapping[str, Any], origin: str) -> Sequence[str]:
    return [f"{origin}/{file['name']}" for file in manifest["files"]]
