"""Parquet: batches of rows as columns of text, whatever their types."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tailrace.ingest.files.blocks import Block, Broken
from tailrace.ingest.files.faults import failing_rows
from tailrace.ingest.files.opening import Opened
from tailrace.model.errors import Malformed

BATCH_ROWS = 16_384
_encoder = msgspec.json.Encoder()


class ParquetReader:
    """The rows of one Parquet file. Row 1 is the first row, so that there is no header to count."""

    def __init__(self, file: Opened, source: pa.NativeFile) -> None:
        self._file = file
        try:
            self._reader = pq.ParquetFile(source)
        except pa.ArrowInvalid as error:
            raise Malformed(f"{file.path.name}: {error}") from error
        schema = self._reader.schema_arrow
        self.names = schema.names
        self.types = {field.name: type_name(field.type) for field in schema}

    def blocks(self, batch_rows: int = BATCH_ROWS) -> Iterator[Block]:
        """All rows; progress is by rows, as row groups are read out of order."""
        first, total = 1, self._reader.metadata.num_rows
        for batch in self._reader.iter_batches(batch_size=batch_rows):
            done = self._file.size * (first - 1 + batch.num_rows) // max(total, 1)
            yield _block(dict(zip(self.names, batch.columns, strict=True)), first, batch.num_rows, done)
            first += batch.num_rows


def type_name(kind: pa.DataType) -> str:
    """How a column's values are written in JSON: one of the types that a map can give a parameter."""
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "float"
    if pa.types.is_boolean(kind):
        return "bool"
    return "json" if pa.types.is_nested(kind) else "text"


def as_text(column: pa.Array) -> pa.Array:
    """A column as text: instants in ISO 8601 (UTC, ms), nested values as JSON, NaN as no value.

    Raises:
        ValueError: binary data that is not UTF-8.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode())
    for fits, convert in _CONVERSIONS:
        if fits(kind):
            return convert(column)
    return column.cast(pa.string())


def _block(columns: dict[str, pa.Array], first: int, rows: int, done: int) -> Block:
    try:
        return Block(range(first, first + rows), columns={n: as_text(c) for n, c in columns.items()}, done=done)
    except ValueError:
        return _good_rows(columns, first, rows, done)


def _good_rows(columns: dict[str, pa.Array], first: int, rows: int, done: int) -> Block:
    """The block without the rows that hold binary data."""
    bad = {row: name for name, column in columns.items() for row in failing_rows(column, as_text)}
    broken = [Broken(first + row, f"{bad[row]}: not UTF-8", _kept(columns, row)) for row in sorted(bad)]
    good = [row for row in range(rows) if row not in bad]
    kept = {name: as_text(column.take(pa.array(good, pa.int64()))) for name, column in columns.items()}
    return Block([first + row for row in good], columns=kept, broken=broken, done=done)


def _kept(columns: dict[str, pa.Array], row: int) -> bytes:
    """All cells, binary ones in base64; in an array, so that nobody takes them for the texts that they are not."""
    return _encoder.encode([{name: column[row].as_py() for name, column in columns.items()}])


def _instant(column: pa.Array) -> pa.Array:
    whole = pc.floor_temporal(column, unit="millisecond").cast(pa.timestamp("ms", column.type.tz), safe=False)
    text = pc.replace_substring(whole.cast(pa.timestamp("ms")).cast(pa.string()), " ", "T")
    return pc.binary_join_element_wise(text, "Z", "") if column.type.tz else text


def _float(column: pa.Array) -> pa.Array:
    """Arrow writes 14.0 as 14, which would make it a whole number in JSON."""
    text = pc.if_else(pc.is_nan(column), None, column).cast(pa.string())
    return pc.if_else(pc.match_substring_regex(text, r"^-?\d+$"), pc.binary_join_element_wise(text, ".0", ""), text)


def _json(column: pa.Array) -> pa.Array:
    return pa.array([None if v is None else _encoder.encode(v).decode() for v in _values(column)], pa.string())


def _values(column: pa.Array) -> list[Any]:
    try:
        return list(column.to_pylist(maps_as_pydicts="strict"))
    except KeyError:  # a map that holds a key twice stays a list of pairs
        return list(column.to_pylist())


def _binary(column: pa.Array) -> pa.Array:
    return column.cast(pa.binary()).cast(pa.string())


_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (pa.types.is_timestamp, _instant),
    (pa.types.is_floating, _float),
    (pa.types.is_nested, _json),
    (pa.types.is_duration, lambda column: column.cast(pa.int64()).cast(pa.string())),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), _binary),
    (pa.types.is_fixed_size_binary, _binary),
)
