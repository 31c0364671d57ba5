"""Rows of wide tables: what all tables share, then a column per parameter, which differ from table to table.

Rows of all tables are rendered at once: no loop per table, and none per row. Parameters come as members, triples of
row, column and JSON text, and each row's are joined behind the cells that it shares with all others.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from tailrace.formats.text import Dialect, Text, event_cells, finish_rows, join, join_lists, literal
from tailrace.model.fields import Field

Ints = npt.NDArray[np.int64]


class Members(Struct, frozen=True):
    """Parameters of rows, in order of row and column: member i stands in row `row[i]`, in column `column[i]` of the
    row's parameters (counted from 0), is called ``names[name[i]]`` and is the JSON text `value[i]`, never null.

    `widths` says how many parameter columns each row has.
    """

    row: Ints
    column: Ints
    name: Ints
    names: Sequence[str]
    value: pa.Array
    widths: Ints


class WideDialect(Dialect, Protocol):
    """What a format must know of parameters beyond its cells."""

    separator: str

    def member(self, values: pa.Array) -> pa.Array:
        """JSON texts of any type as the content of cells."""

    def around(self, name: str) -> tuple[str, str]:
        """What stands before and after a cell of that column."""


def wide_rows(
    dialect: WideDialect,
    fragments: pa.Table,
    parent: pa.Array,
    events: pa.Table,
    columns: Sequence[Field],
    members: Members,
) -> pa.Array:
    """A row per event: its `columns`, then its parameters."""
    cells = event_cells(dialect, fragments, parent, events, columns)
    return finish_rows(dialect, [*cells, _tails(dialect, members, len(parent))], columns, len(parent))


def _tails(dialect: WideDialect, members: Members, rows: int) -> pa.Array:
    offsets = pa.array(np.searchsorted(members.row, np.arange(rows + 1)), pa.int32())
    tails = join_lists(_cells(dialect, members), offsets, "")
    return join(tails, _separators(dialect, _missing_at_end(members, rows))) if dialect.separator else tails


def _cells(dialect: WideDialect, members: Members) -> pa.Array:
    before, after = zip(*(dialect.around(name) for name in members.names), strict=True) if members.names else ((), ())
    names = pa.array(members.name)
    parts: list[Text] = [pa.array(before, pa.string()).take(names), dialect.member(members.value)]
    if any(after):
        parts.append(pa.array(after, pa.string()).take(names))
    if dialect.separator:
        parts.insert(0, _separators(dialect, _gaps(members)))
    return join(*parts)


def _gaps(members: Members) -> Ints:
    """Separators before each member: one, and one for each empty column since the one before it."""
    previous = np.concatenate([[-1], members.column[:-1]])
    starts = np.concatenate([[True], members.row[1:] != members.row[:-1]])[: len(members.row)]
    gaps: Ints = members.column - np.where(starts, -1, previous[: len(members.row)])
    return gaps


def _missing_at_end(members: Members, rows: int) -> Ints:
    """Columns of each row behind its last member."""
    reached = np.zeros(rows, dtype=np.int64)
    reached[members.row] = members.column + 1  # in order, so the last one stays
    missing: Ints = members.widths - reached
    return missing


def _separators(dialect: WideDialect, counts: Ints) -> pa.Array:
    return pc.binary_repeat(literal(dialect.separator), pa.array(counts))


def order_members(row: pa.Array, column: Ints, name: Ints, value: pa.Array) -> tuple[Ints, Ints, Ints, pa.Array]:
    """Members in order of row and column, those with the value null left out."""
    rows = row.to_numpy().astype(np.int64)
    there = pc.not_equal(value, "null").to_numpy(zero_copy_only=False)
    order = np.flatnonzero(there)
    order = order[np.lexsort((column[order], rows[order]))]
    return rows[order], column[order], name[order], value.take(pa.array(order))
