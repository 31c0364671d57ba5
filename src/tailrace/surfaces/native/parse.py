"""From the documents of the native API to domain values. Every impossible value is named."""

import re

from starlette.requests import Request

from tailrace.exports.forms import default_packing, default_split
from tailrace.model.clock import parse_iso
from tailrace.model.columns import check_columns
from tailrace.model.errors import Invalid
from tailrace.model.export import ExportRequest, Filters
from tailrace.model.predicates import parse_predicates
from tailrace.model.window import Window
from tailrace.surfaces.native.documents.exports import ExportBody, FiltersBody
from tailrace.web.operations import decode

_KEY = re.compile(r"[!-~]{1,255}")


def parse_export(body: bytes) -> ExportRequest:
    """An export request as it was sent.

    Raises:
        Malformed: the body is not JSON.
        Invalid: a key is unknown or a value cannot be; its path is named.
    """
    asked: ExportBody = decode(body, ExportBody)
    return export_request(asked)


def export_request(asked: ExportBody) -> ExportRequest:
    """What an export request asks for, its defaults filled in.

    Raises:
        Invalid: a value cannot be; its path is named.
    """
    return ExportRequest(
        app=asked.app,
        window=Window(
            asked.window.axis, instant(asked.window.start, "window.from"), instant(asked.window.end, "window.to")
        ),
        shape=asked.shape,
        format=asked.format,
        packing=asked.packing or default_packing(asked.format),
        filters=_filters(asked.filters),
        columns=None if asked.columns is None else check_columns(asked.columns, "columns"),
        split=asked.split or default_split(asked.shape),
        after=asked.after,
        file_bytes=asked.file_bytes,
        json_array=asked.json_array,
        csv_safe=asked.csv_safe,
        wait_until_complete=asked.wait_until_complete,
    )


def idempotency_key(request: Request) -> str | None:
    """The key that a client gives to what it asks for; None if it gives none.

    Raises:
        Invalid: it is given twice, empty, too long or not made of visible ASCII.
    """
    found = request.headers.getlist("idempotency-key")
    if not found:
        return None
    if len(found) > 1 or not _KEY.fullmatch(found[0]):
        raise Invalid("Idempotency-Key", "must be given once, as 1 to 255 visible ASCII characters")
    return found[0]


def instant(text: str | None, where: str) -> int | None:
    """An instant in ms, or None as it is; `where` is the key that holds it.

    Raises:
        Invalid: it is none.
    """
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Invalid(where, f"must be an ISO 8601 instant such as 2026-01-02T03:04:05Z: {error}") from None


def _filters(asked: FiltersBody) -> Filters:
    return Filters(tuple(asked.events), tuple(asked.versions), parse_predicates(asked.where))
