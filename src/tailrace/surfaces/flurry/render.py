"""From domain values to the documents of the API, which have the form of JSON:API."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.exports.records import Export
from tailrace.model.export import ExportState
from tailrace.surfaces.flurry.parse import TYPE, Asked

MEDIA_TYPE = "application/vnd.api+json"
EXPIRED = "Expired URI. Please resubmit request"

STATUSES: Mapping[ExportState, str] = {
    "queued": "Acknowledged",
    "running": "Acknowledged",
    "succeeded": "Success",
    "expired": "Success",
    "failed": "Failure",
    "cancelled": "Failure",
}


def created(number: int, asked: Asked) -> Response:
    """A request that was taken in, with what was understood of it."""
    attributes = {
        "requestStatus": "Acknowledged",
        "startTime": str(asked.window.start),
        "endTime": str(asked.window.end),
        "outputFormat": asked.format.upper(),
        "apiKey": asked.api_key,
        "app_versions": _ids(asked.versions),
        "eventIds": _ids(asked.events),
        "s3URI": None,
    }
    return _document(str(number), attributes, 201)


def shown_request(number: str, export: Export, uri: str | None, names: Collection[str] | None) -> Response:
    """A request as it stands; of `names`, where there are some, nothing else is shown."""
    attributes = {"requestStatus": STATUSES[export.state], "s3URI": uri}
    kept = {name: value for name, value in attributes.items() if names is None or name in names}
    return _document(number, kept, 200)


def _ids(numbers: Collection[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def _document(number: str, attributes: Mapping[str, Any], status: int) -> Response:
    """Ids are texts: clients put them into URLs and file names as they are."""
    document = {"data": {"type": TYPE, "id": number, "attributes": attributes}}
    return Response(msgspec.json.encode(document), status, {"cache-control": "no-store"}, MEDIA_TYPE)
