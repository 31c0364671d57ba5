"""From JSON bodies to domain values. Every unknown key and every impossible value is named."""

from typing import Any

import msgspec

from tailrace.model.clock import parse_iso
from tailrace.model.errors import Invalid, Malformed, misfit
from tailrace.model.export import ExportRequest, Filters, Format, Packing, Shape, Split
from tailrace.model.fields import EVENT_ROW_COLUMNS
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
    packing: Packing = "gzip"
    filters: FiltersBody = msgspec.field(default_factory=FiltersBody)
    columns: list[str] | None = None
    split: Split = "single"
    after: str | None = None


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
    if asked.filters.where:
        raise Invalid("filters.where", "predicates are not supported by this release; leave the list empty")
    return ExportRequest(
        app=asked.app,
        window=Window(asked.window.axis, _instant(asked.window.start, "from"), _instant(asked.window.end, "to")),
        shape=asked.shape,
        format=asked.format,
        packing=asked.packing,
        filters=Filters(tuple(asked.filters.events), tuple(asked.filters.versions)),
        columns=_columns(asked.columns),
        split=asked.split,
        after=asked.after,
    )


def _instant(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Invalid(f"window.{name}", f"must be an ISO 8601 instant such as 2026-01-02T03:04:05Z: {error}") from None


def _columns(names: list[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not names:
        raise Invalid("columns", "name at least one column, or null for all")
    for name in names:
        if name not in EVENT_ROW_COLUMNS:
            raise Invalid("columns", f"there is no column {name!r}; see docs/fields.md for all of them")
    if len(set(names)) < len(names):
        raise Invalid("columns", "a column is named twice")
    return tuple(names)
