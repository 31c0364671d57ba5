"""The dialect of generic bulk clients: their kick-off as an export request, and exports as they want to see them."""

from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from tailrace.exports.records import Export
from tailrace.model.clock import iso, parse_iso
from tailrace.model.errors import Invalid
from tailrace.model.export import ExportRequest, Filters
from tailrace.model.window import Window
from tailrace.surfaces.native.documents.bulk import BulkDocument, BulkFileDocument, BulkQuery
from tailrace.surfaces.native.links import Links
from tailrace.surfaces.native.render import manifest_document

PATH = "/v1/$export"
_FORMATS = ("application/fhir+ndjson", "application/ndjson", "ndjson")


def check_prefer(request: Request) -> None:
    """Make sure that the client will come back for the answer.

    Raises:
        Invalid: it has not said so.
    """
    said = ",".join(request.headers.getlist("prefer")).replace(";", ",").lower()
    if "respond-async" not in (word.strip() for word in said.split(",")):
        raise Invalid("Prefer", "send the header `Prefer: respond-async`; there is no other way to get an export")


def bulk_request(asked: BulkQuery, now: int) -> ExportRequest:
    """A file of lines per event name, of what became available up to now (ms). The next one goes on right there.

    Raises:
        Invalid: a value cannot be; its parameter is named.
    """
    if asked.format not in _FORMATS:
        raise Invalid("_outputFormat", f"must be one of {', '.join(_FORMATS)}")
    names = [name for text in asked.types for name in text.split(",") if name]
    return ExportRequest(
        app=asked.app,
        window=Window("available", _since(asked.since, now), now),
        packing="none",
        filters=Filters(tuple(names)),
        split="event",
    )


def _since(text: str | None, now: int) -> int | None:
    if text is None:
        return None
    try:
        since = parse_iso(text)
    except ValueError as error:
        raise Invalid("_since", f"must be an instant such as 2026-01-02T03:04:05Z: {error}") from None
    if since >= now:
        raise Invalid("_since", f"must be in the past; it is {iso(now)} here")
    return since


def kick_off_url(export: Export, base: str) -> str:
    """What asks for such an export below a base URL."""
    asked = export.request
    said = {"app": asked.app}
    if asked.window.start is not None:
        said["_since"] = iso(asked.window.start)
    if asked.filters.events:
        said["_type"] = ",".join(asked.filters.events)
    return f"{base}{PATH}?{urlencode(said)}"


def progress_header(export: Export) -> str:
    """How far an export is, in a few words."""
    if not export.slices:
        return export.state
    return f"{100 * export.slices_done // export.slices}% ({export.slices_done} of {export.slices} slices)"


def bulk_document(export: Export, links: Links) -> BulkDocument:
    """The files of an export that has succeeded, with links that need no token."""
    return BulkDocument(
        transaction_time=iso(export.complete_through or 0),
        request=kick_off_url(export, links.base),
        requires_token=False,
        output=[
            BulkFileDocument(_type(export, file), file["url"], file["rows"])
            for file in manifest_document(export, links)["files"]
        ],
        error=[],
    )


def expires_header(export: Export) -> dict[str, str]:
    """Until when the files are kept."""
    return {} if export.expires_at is None else {"expires": formatdate(export.expires_at / 1000, usegmt=True)}


def _type(export: Export, file: dict[str, Any]) -> str:
    """What the rows of a file are: events of one name, else what the shape says."""
    if file["of"] == "users":
        return "users"
    name: str | None = file["key"] if export.request.split == "event" else None
    return export.request.shape if name is None else name
