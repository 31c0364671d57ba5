"""Rows of Parquet. Their digest is of the JSON lines that they would be, which are made here by the schema's kinds."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tailrace.exports.verify.rows import Batch, Event, Kind, Row, Session, User
from tailrace.exports.verify.schema import Column
from tailrace.exports.verify.streams import Damaged, Window

ROWS = 2048  # of a batch; each may hold the events of a session
_MAGIC = 4
_FOOTER = 8  # its length, and the signature again

_text = json.JSONEncoder(ensure_ascii=False).encode

Cells = list[str | None]


def parquet_batches(path: Path, start: int, size: int, kind: Kind, columns: Sequence[Column] | None) -> Iterator[Batch]:
    """The rows of a file, or of a stretch of a file that is one by itself.

    Raises:
        Damaged: it is no Parquet file, holds what no column needs, or has other columns than its schema.
    """
    try:
        with Window(path, start, size) as window, pq.ParquetFile(window) as file:
            _check_covered(file.metadata, size)
            _check_names(file.schema_arrow.names, columns)
            for batch in file.iter_batches(batch_size=ROWS):
                yield _batch(batch, kind, columns)
    except (pa.ArrowException, OSError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Damaged("parquet", str(error).partition("\n")[0]) from None


def _check_covered(metadata: Any, size: int) -> None:
    """Nothing lies between columns and footer: not what a second file left behind, either."""
    groups = (metadata.row_group(n) for n in range(metadata.num_row_groups))
    used = sum(group.column(n).total_compressed_size for group in groups for n in range(group.num_columns))
    other = size - used - metadata.serialized_size - _MAGIC - _FOOTER
    if other:
        raise Damaged("parquet", f"{other} bytes that belong to no column")


def _check_names(found: Sequence[str], columns: Sequence[Column] | None) -> None:
    if columns is not None and found != [column.name for column in columns]:
        raise Damaged("parquet", f"its columns {', '.join(found)[:200]!r} are not those of its schema")


def _batch(batch: pa.RecordBatch, kind: Kind, columns: Sequence[Column] | None) -> Batch:
    texts = None
    if columns is not None and not any(column.rewritten for column in columns):
        texts = [text.encode() for text in objects(batch.columns, columns, batch.num_rows)]
    return Batch(texts, _rows(batch, kind))


def _rows(batch: pa.RecordBatch, kind: Kind) -> list[Row]:
    """The few values that are looked at."""
    if kind == "user":
        return [User(time) for time in _values(batch, "last_session_start")]
    if kind == "event":
        return list(_events(batch))
    if "events" not in batch.schema.names:
        return [Session()] * batch.num_rows
    lists = batch.column("events")
    nested = list(_events(pa.RecordBatch.from_struct_array(lists.flatten())))
    return [Session(nested[start:stop]) for start, stop in _bounds(lists)]


def _events(batch: pa.RecordBatch) -> Iterator[Event]:
    return map(Event, *(_values(batch, name) for name in ("id", "time", "event")))


def _values(batch: pa.RecordBatch, name: str) -> list[Any]:
    return batch.column(name).to_pylist() if name in batch.schema.names else [None] * batch.num_rows


def _bounds(lists: pa.ListArray) -> Iterator[tuple[int, int]]:
    """Where the values of each list begin and end."""
    return pairwise(accumulate(pc.fill_null(pc.list_value_length(lists), 0).to_pylist(), initial=0))


def objects(arrays: Sequence[pa.Array], columns: Sequence[Column], count: int) -> list[str]:
    """The rows as JSON objects: columns in order, those without a value left out."""
    members = [_members(array, column) for array, column in zip(arrays, columns, strict=True)]
    there = [cells for cells in members if cells is not None]
    if not there:
        return ["{}"] * count
    return ["{" + ",".join([cell for cell in row if cell is not None]) + "}" for row in zip(*there, strict=True)]


def _members(array: pa.Array, column: Column) -> Cells | None:
    """Key and value of each row; None where no row has any."""
    if array.null_count == len(array):
        return None
    label = _text(column.name) + ":"
    if column.inner:
        return [label + cell for cell in _lists(array, column.inner)]
    render, encoded = _RENDER[column.kind], array.dictionary_encode()
    rendered = [label + render(value) for value in encoded.dictionary.to_pylist()]
    return [None if index is None else rendered[index] for index in encoded.indices.to_pylist()]


def _lists(array: pa.ListArray, inner: Sequence[Column]) -> Iterator[str]:
    structs = array.flatten()
    texts = objects(structs.flatten(), inner, len(structs))
    return (f"[{','.join(texts[start:stop])}]" for start, stop in _bounds(array))


_RENDER: dict[str, Callable[[Any], str]] = {
    "text": _text,
    "json": str,
    "any": str,
    "int": str,
    "float": lambda value: repr(0.0 if value == 0 else value),
    "bool": lambda value: "true" if value else "false",
    "time": lambda value: f'"{value.isoformat(timespec="milliseconds").replace("+00:00", "Z")}"',
}
