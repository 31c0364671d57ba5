"""From domain values to the documents of the API: an object in an array in an object."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response

from tailrace.delivery.records import ENDED
from tailrace.exports.records import Export, has_expired
from tailrace.model.delivery import Standing
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


class Results(Struct, frozen=True):
    """An export under the id of its job, and how its deliveries stand."""

    export: Export
    job: str
    deliveries: Sequence[Standing]

    @property
    def copies(self) -> Sequence[Standing]:
        """Copies to S3."""
        return [one for one in self.deliveries if one.kind == "s3"]

    @property
    def state(self) -> str:
        """What clients wait for. An export whose copies are under way is not finished: its copies are its result."""
        state = STATES[self.export.state]
        return "RUNNING" if state == "FINISHED" and any(one.state not in ENDED for one in self.copies) else state


def results(found: Results, origin: str, now: int) -> Mapping[str, Any]:
    """An export as it stands at an instant in ms; once its files have had their time it has none to show."""
    export = found.export
    document: dict[str, Any] = {"jobId": found.job, "success": True, "state": found.state}
    if document["state"] != "FINISHED":
        return document
    manifest = msgspec.json.decode(export.manifest or "{}")
    document |= {
        "numSessions": manifest.get("rows", 0),
        "numBytes": manifest.get("bytes", 0),
        "files": [] if has_expired(export, now) else _files(manifest, origin),
    }
    return document | ({"s3CopyStatus": _copied(manifest, found.copies)} if found.copies else {})


def _copied(manifest: Mapping[str, Any], copies: Sequence[Standing]) -> Mapping[str, Any]:
    """Which files were copied to which keys, and which were not."""
    done = [one for copy in copies for one in copy.copied]
    missing = {file["name"] for file in manifest["files"]} - {one.file for one in done}
    status = {"success": [{"sourceFile": one.file, "destFile": one.key} for one in done]}
    return status | ({"failed": [{"sourceFile": name} for name in sorted(missing)]} if missing else {})


def _files(manifest: Mapping[str, Any], origin: str) -> Sequence[str]:
    return [f"{origin}/{file['name']}" for file in manifest["files"]]
