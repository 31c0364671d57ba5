"""Rows as JSON or CSV."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from starlette.responses import Response

from tailrace.surfaces.flurry.reporting.answer import Cell
from tailrace.surfaces.flurry.reporting.parse import Asked, Format

_NEED_QUOTES = frozenset('",\r\n')
_QUOTED = "dateTime"  # always, as the vendor does


def rows_response(rows: Sequence[Mapping[str, Cell]], format_: Format, columns: Sequence[str], name: str) -> Response:
    """An answer with rows; `name` is that of the file that CSV is sent as."""
    if format_ == "json":
        return Response(msgspec.json.encode({"rows": rows}), media_type="application/json")
    headers = {"content-disposition": f"attachment; filename={name}.csv"}
    return Response("".join(_lines(rows, columns)), headers=headers, media_type="text/csv")


def columns_of(asked: Asked) -> Sequence[str]:
    """The columns of a report in their order, also when it has no rows."""
    shown = [f"{show.dimension}|{attribute}" for show in asked.shows for attribute in show.attributes]
    return ["dateTime", *shown, *asked.metrics]


def file_name(asked: Asked) -> str:
    """What a report is called as a file."""
    return f"data-{asked.table.name}-{asked.grain}_{asked.first.isoformat()}_{asked.end.isoformat()}"


def _lines(rows: Iterable[Mapping[str, Cell]], columns: Sequence[str]) -> Iterable[str]:
    yield ",".join(columns) + "\n"
    for row in rows:
        yield ",".join(_cell(row[column], always=column == _QUOTED) for column in columns) + "\n"


def _cell(value: Cell, *, always: bool) -> str:
    text = str(value)
    edged = text != text.strip()
    if always or edged or not _NEED_QUOTES.isdisjoint(text):
        return '"' + text.replace('"', '""') + '"'
    return text
