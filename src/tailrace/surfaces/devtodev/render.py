"""From domain values to the documents of the API. The status is the document's `status_code`."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from tailrace.exports.records import Export
from tailrace.surfaces.devtodev.errors import MEDIA_TYPE
from tailrace.surfaces.devtodev.parse import FORMAT, JOB, TOKEN

FILE = "/api/v1/rawexport/download/"
READY = "Report file is ready"
EMPTY = "Unfortunately the result of your request is empty. Please try to change the report conditions."


def created(job_id: str) -> Response:
    """A job that was taken in."""
    return _document(200, job_id)


def waiting(status: int) -> Response:
    """A job that waits for its turn."""
    return _progress(status, "pending", 0)


def running(export: Export) -> Response:
    """A job that is being done; its slices are what can be counted of it."""
    done = 100 * export.slices_done // export.slices if export.slices else 0
    return _progress(200, "running", min(done, 99))


def complete(export: Export, base: str, token: str) -> Response:
    """A job with a report; times in seconds. The link holds the token: it works without anything else."""
    finished, expires = export.finished_at or 0, export.expires_at or 0
    result = {
        "msg": READY,
        "format": FORMAT,
        "url": f"{base}{FILE}?{urlencode({JOB: export.id, TOKEN: token})}",
        "ttl": (expires - finished) // 1000,
        "expire": expires // 1000,
    }
    return _progress(201, "complete", 100, result)


def empty() -> Response:
    """A job that found no event: there is no link."""
    return _progress(200, "complete", 100, {"msg": EMPTY})


def _progress(status: int, state: str, percent: int, result: dict[str, Any] | None = None) -> Response:
    data: dict[str, Any] = {"status": state, "percent_complete": percent}
    return _document(status, data if result is None else data | {"result": result})


def _document(status: int, data: Any) -> Response:
    document = {"status_code": status, "data": data}
    return Response(msgspec.json.encode(document), status, {"cache-control": "no-store"}, MEDIA_TYPE)
