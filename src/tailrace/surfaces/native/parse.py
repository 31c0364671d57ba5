"""From JSON bodies to domain values. Every unknown key and every impossible value is named."""

from typing import Any

import msgspec

from tailrace.exports.forms import default_packing, default_split
from tailrace.model.clock import parse_iso
from tailrace.model.columns import check_columns
from tailrace.model.errors import Invalid, Malformed, misfit
from tailrace.model.export import FILE_BYTES, ExportRequest, Filters, Format, Packing, Shape, Split
from tailrace.model.predicates import parse_predicates
from tailrace.model.window import Axis, Window


class WindowBody(msgspec.Struct, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """``window`` of an export request."""

    axis: Axis
    start: str | None = None
    end: str | None = None


class FiltersBody(msgspec.Struct, forbid_unknown_fields=True):
    """``filters`` of an export request."""

    events: list[str] = []
    versions: list[str] = []
    where: list[dict[str, Any]] = []


class ExportBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/exports``."""

    app: str
    window: WindowBody
    shape: Shape = "events"
    format: Format = "json"
    packing: Packing | None = None
    filters: FiltersBody = msgspec.field(default_factory=FiltersBody)
    columns: list[str] | None = None
    split: Split | None = None
    after: str | None = None
    file_bytes: int = FILE_BYTES
    json_array: bool = False
    csv_safe: bool = False


_decoder = msgspec.json.Decoder(ExportBody)


def parse_export(body: bytes) -> ExportRequest:
    """An export request.

    Raises:
        Malformed: the body is not JSON.
        Invalid: a key is unknown or a value cannot be; its path is named.
    """
    try:
        asked = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise misfit(str(error), "body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}") from None
    return ExportRequest(
        app=asked.app,
        window=Window(asked.window.axis, _instant(asked.window.start, "from"), _instant(asked.window.end, "to")),
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
    )


def _filters(asked: FiltersBody) -> Filters:
    return Filters(tuple(asked.events), tuple(asked.versions), parse_predicates(asked.where))


def _instant(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Invalid(f"window.{name}", f"must be an ISO 8601 instant such as 2026-01-02T03:04:05Z: {error}") from None
