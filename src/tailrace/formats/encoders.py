"""Encoders: one per format, all of one form, found by name. A format is a file beside this one and a line in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from tailrace.formats import csv, parquet
from tailrace.formats.csv import Csv
from tailrace.formats.digest import digest_rows
from tailrace.formats.json import Json
from tailrace.formats.text import buffer_of, event_text, session_rows
from tailrace.formats.wide import Members, WideDialect, wide_rows
from tailrace.formats.xml import Xml
from tailrace.model.export import Format
from tailrace.model.sheet import Sheet

Cut = Any  # some rows as the encoder keeps them until they are a piece; it has `nbytes`


class Rows(Protocol):
    """Encoded rows, which can be cut."""

    def cut(self, start: int, stop: int) -> Cut:
        """Rows ``start..stop``."""

    def digest(self, start: int, stop: int) -> int:
        """Sum of their hashes."""


class Encoder(Protocol):
    """How rows of each shape are written in a format.

    A file is `head`, pieces with `between` in between, `tail`. An `opaque` format has none of them: its files are made
    of pieces by a writer of its own.
    """

    media_type: str
    extension: str
    tail: bytes
    between: bytes
    opaque: bool

    def head(self, sheet: Sheet) -> bytes:
        """What comes before the first row."""

    def events(self, fragments: pa.Table, parent: pa.Array, events: pa.Table, sheet: Sheet) -> Rows:
        """A row per event."""

    def sessions(self, fragments: pa.Table, parent: pa.Array, events: pa.Table, sheet: Sheet) -> Rows:
        """A row per fragment with its events nested."""

    def wide(
        self, fragments: pa.Table, parent: pa.Array, events: pa.Table, sheets: Sequence[tuple[Sheet, int, int]],
        members: Members,
    ) -> Rows:  # fmt: skip
        """A row per event with a column per parameter; rows ``start..stop`` belong to the sheet given with them."""

    def piece(self, cuts: Sequence[Cut]) -> bytes | memoryview:
        """Cuts of one sheet as the bytes of a piece."""


class TextRows(Struct, frozen=True):
    """Rows as one text; row i is ``data[bounds[i]:bounds[i + 1]]``, of which the last `ending` bytes end it."""

    data: memoryview
    bounds: npt.NDArray[np.int64]
    ending: int

    def cut(self, start: int, stop: int) -> memoryview:
        """Rows as bytes, without a copy."""
        return self.data[self.bounds[start] : self.bounds[stop]]

    def digest(self, start: int, stop: int) -> int:
        """Sum of the hashes of the rows' bytes."""
        return digest_rows(self.data, self.bounds[start : stop + 1], self.ending)


class TextEncoder:
    """A format whose rows are texts in a dialect."""

    opaque = False

    def __init__(
        self, *, media_type: str, extension: str, dialect: WideDialect, ending: int,
        head: Callable[[Sheet], bytes] = lambda _: b"", tail: bytes = b"", between: bytes = b"",
    ) -> None:  # fmt: skip
        self.media_type = media_type
        self.extension = extension
        self.tail = tail
        self.between = between
        self._dialect = dialect
        self._ending = ending
        self._head = head

    def head(self, sheet: Sheet) -> bytes:
        """What comes before the first row."""
        return self._head(sheet)

    def events(self, fragments: pa.Table, parent: pa.Array, events: pa.Table, sheet: Sheet) -> TextRows:
        """A row per event."""
        return TextRows(*event_text(self._dialect, fragments, parent, events, sheet.columns), self._ending)

    def sessions(self, fragments: pa.Table, parent: pa.Array, events: pa.Table, sheet: Sheet) -> TextRows:
        """A row per fragment with its events nested."""
        rows = session_rows(self._dialect, fragments, parent, events, sheet.columns, sheet.inner)
        return TextRows(*rows, self._ending)

    def wide(
        self, fragments: pa.Table, parent: pa.Array, events: pa.Table, sheets: Sequence[tuple[Sheet, int, int]],
        members: Members,
    ) -> TextRows:  # fmt: skip
        """A row per event with a column per parameter."""
        first = sheets[0][0]
        shared = first.columns[: first.width]
        return TextRows(*buffer_of(wide_rows(self._dialect, fragments, parent, events, shared, members)), self._ending)

    def piece(self, cuts: Sequence[memoryview]) -> bytes | memoryview:
        """The bytes, without what stands between the last row and the next."""
        whole = cuts[0] if len(cuts) == 1 else memoryview(b"".join(cuts))
        return whole[: len(whole) - len(self.between)]


@dataclass(frozen=True)
class TableRows:
    """Rows as an Arrow table per sheet; they are hashed as the JSON lines that they would be."""

    tables: Sequence[tuple[int, pa.Table]]
    lines: TextRows

    def cut(self, start: int, stop: int) -> pa.Table:
        """Rows of one sheet."""
        for first, table in self.tables:
            if first <= start and stop <= first + table.num_rows:
                return table.slice(start - first, stop - start)
        raise LookupError(f"rows {start} to {stop} are not of one sheet")

    def digest(self, start: int, stop: int) -> int:
        """Sum of the hashes of the rows' JSON lines."""
        return self.lines.digest(start, stop)


class ParquetEncoder:
    """Typed columns."""

    media_type = "application/vnd.apache.parquet"
    extension = "parquet"
    tail = b""
    between = b""
    opaque = True

    def head(self, sheet: Sheet) -> bytes:  # noqa: ARG002 - as the protocol has it
        """Nothing: the file is written by `parquet.write_file`."""
        return b""

    def events(self, fragments: pa.Table, parent: pa.Array, events: pa.Table, sheet: Sheet) -> TableRows:
        """A row per event."""
        table = parquet.event_table(fragments, parent, events, sheet.columns)
        return TableRows([(0, table)], _LINES.events(fragments, parent, events, sheet))

    def sessions(self, fragments: pa.Table, parent: pa.Array, events: pa.Table, sheet: Sheet) -> TableRows:
        """A row per fragment with its events nested."""
        table = parquet.session_table(fragments, parent, events, sheet)
        return TableRows([(0, table)], _LINES.sessions(fragments, parent, events, sheet))

    def wide(
        self, fragments: pa.Table, parent: pa.Array, events: pa.Table, sheets: Sequence[tuple[Sheet, int, int]],
        members: Members,
    ) -> TableRows:  # fmt: skip
        """A row per event with a column per parameter."""
        first = sheets[0][0]
        shared = parquet.event_table(fragments, parent, events, first.columns[: first.width])
        tables = [(start, _widened(shared, members, sheet, start, stop)) for sheet, start, stop in sheets]
        return TableRows(tables, _LINES.wide(fragments, parent, events, sheets, members))

    def piece(self, cuts: Sequence[pa.Table]) -> bytes:
        """Record batches."""
        return parquet.pack(pa.concat_tables(cuts))


def _widened(shared: pa.Table, members: Members, sheet: Sheet, start: int, stop: int) -> pa.Table:
    columns = [*shared.slice(start, stop - start).columns, *parquet.wide_columns(members, sheet, start, stop)]
    return pa.Table.from_arrays(columns, schema=parquet.schema_of(sheet))


class Style(Struct, frozen=True):
    """What a format leaves open: what a row and all of them are called, and options that some formats have.

    `array` is of json, `safe` of csv; `nulls` shows columns without a value in json and xml; `sure` says that the first
    column always has one.
    """

    row: str = "event"
    root: str = "rows"
    array: bool = False
    safe: bool = False
    nulls: bool = False
    sure: bool = False


def encoder_of(
    format_: Format, row: str, *, root: str = "rows", array: bool = False, safe: bool = False, nulls: bool = False,
    sure: bool = False,
) -> Encoder:  # fmt: skip
    """The encoder of a format; `row` is what a row is called, `root` all of them. The options are those of `Style`."""
    return _ENCODERS[format_](Style(row, root, array, safe, nulls, sure))


def _json(style: Style) -> TextEncoder:
    if style.array:
        return _array(Json("},\n", nulls=style.nulls))
    return _lines(Json(nulls=style.nulls, sure=style.sure)) if style.nulls or style.sure else _LINES


def _csv(style: Style) -> TextEncoder:
    return TextEncoder(
        media_type="text/csv; charset=utf-8",
        extension="csv",
        dialect=Csv(style.safe),
        ending=2,
        head=lambda sheet: csv.header([column.name for column in sheet.columns]),
    )


def _xml(style: Style) -> TextEncoder:
    root = style.root.encode()
    return TextEncoder(
        media_type="application/xml",
        extension="xml",
        dialect=Xml(style.row, nulls=style.nulls),
        ending=1,
        head=lambda _: b'<?xml version="1.0" encoding="UTF-8"?>\n<%s>\n' % root,
        tail=b"</%s>\n" % root,
    )


def _lines(dialect: Json) -> TextEncoder:
    return TextEncoder(media_type="application/x-ndjson", extension="ndjson", dialect=dialect, ending=1)


def _array(dialect: Json) -> TextEncoder:
    return TextEncoder(
        media_type="application/json",
        extension="json",
        dialect=dialect,
        ending=2,
        head=lambda _: b"[\n",
        tail=b"\n]\n",
        between=b",\n",
    )


_ENCODERS: Mapping[Format, Callable[[Style], Encoder]] = {
    "json": _json,
    "csv": _csv,
    "xml": _xml,
    "parquet": lambda _: ParquetEncoder(),
}
_LINES = _lines(Json())
