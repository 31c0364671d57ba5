"""Lists: small batches of accepted records, each column a list of Python values.

A call on an Arrow column costs as much as a look at some hundred values, so a batch of fifty is done before Arrow has
begun. Many of them are read at once, by a seal, and become Arrow columns then.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct, field

from tailrace.store.schema import RECORD_SCHEMA

_BEGIN = b"TL1\n"  # no Arrow stream begins so
_HEAD = len(_BEGIN) + 8  # bytes before what is compressed: the mark, and how long it is unpacked
_CODEC = "zstd"
_WIDTHS: Mapping[str, int] = {f.name: f.type.byte_width for f in RECORD_SCHEMA if pa.types.is_fixed_size_binary(f.type)}
_TABLE_ROWS = 16_384  # at a time: values of Python take several times the memory of a column


class Shared(Struct, array_like=True, gc=False):
    """A column of texts that stand many times: text i is `texts[places[i]]`."""

    texts: Sequence[str | None]
    places: Sequence[int]


class Columns(Struct, array_like=True):
    """Columns of `RECORD_SCHEMA` by name, those that say something: each value by itself in `each`, texts that many
    records have in `shared`, what is the same in all records in `same`, and in `wide` values of a fixed width, one
    after the other.
    """

    rows: int
    wide: Mapping[str, bytes]
    each: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    shared: Mapping[str, Shared] = field(default_factory=dict)
    same: Mapping[str, Any] = field(default_factory=dict)


class Lists(Struct, frozen=True):
    """Columns as bytes, with the earliest time among them (ms), and about how many bytes they take in Arrow."""

    num_rows: int
    earliest: int
    nbytes: int
    packed: bytes

    @property
    def columns(self) -> Columns:
        """The columns again."""
        return _columns.decode(self.packed)


_encode = msgspec.msgpack.Encoder().encode
_batches = msgspec.msgpack.Decoder(list[msgspec.Raw])
_columns = msgspec.msgpack.Decoder(Columns)


def lists_of(columns: Columns, earliest: int) -> Lists:
    """Columns, packed.

    Raises:
        OverflowError: a number needs more than 64 bits.
        UnicodeEncodeError: a text holds half of a surrogate pair.
    """
    packed = _encode(columns)
    return Lists(columns.rows, earliest, len(packed) + sum(map(_repeated, columns.shared.values())), packed)


def holds_lists(blob: bytes) -> bool:
    """Whether bytes are what `pack_lists` packed."""
    return blob.startswith(_BEGIN)


def pack_lists(batches: Sequence[Lists]) -> bytes:
    """Batches, one after the other, compressed."""
    whole = _encode([msgspec.Raw(batch.packed) for batch in batches])
    compressed: bytes = pa.compress(whole, codec=_CODEC, asbytes=True)
    return _BEGIN + len(whole).to_bytes(8, "little") + compressed


def unpack_lists(blob: bytes) -> Iterator[Columns]:
    """The columns of the batches that `pack_lists` packed."""
    size = int.from_bytes(blob[len(_BEGIN) : _HEAD], "little")
    whole = pa.decompress(memoryview(blob)[_HEAD:], decompressed_size=size, codec=_CODEC, asbytes=True)
    return map(_columns.decode, _batches.decode(whole))


def tables_of(batches: Iterable[Columns]) -> Iterator[pa.Table]:
    """Batches one after the other as tables of some thousand rows; columns that say nothing are left out."""
    some: list[Columns] = []
    rows = 0
    for columns in batches:
        some.append(columns)
        rows += columns.rows
        if rows >= _TABLE_ROWS:
            yield _table(some)
            some, rows = [], 0
    if some:
        yield _table(some)


def _table(batches: Sequence[Columns]) -> pa.Table:
    said = {name for columns in batches for name in _names(columns)}
    fields = [f for f in RECORD_SCHEMA if f.name in said]
    return pa.Table.from_arrays([_array(f, batches) for f in fields], schema=pa.schema(fields))


def _names(columns: Columns) -> Iterator[str]:
    return chain(columns.wide, columns.each, columns.shared, columns.same)


def _array(of: pa.Field, batches: Sequence[Columns]) -> pa.Array:
    if of.name in _WIDTHS:
        values = b"".join(columns.wide[of.name] for columns in batches)
        return pa.Array.from_buffers(of.type, len(values) // _WIDTHS[of.name], [None, pa.py_buffer(values)])
    found: list[Any] = []
    for columns in batches:
        found += _values(of.name, columns)
    return pa.array(found, of.type)


def _values(name: str, columns: Columns) -> Iterable[Any]:
    if name in columns.each:
        return columns.each[name]
    if (shared := columns.shared.get(name)) is not None:
        return map(shared.texts.__getitem__, shared.places)
    return repeat(columns.same.get(name), columns.rows)


def _repeated(shared: Shared) -> int:
    """How much more the texts of a column take one by one, letters."""
    lengths = [len(text or "") for text in shared.texts]
    return sum(map(lengths.__getitem__, shared.places)) - sum(lengths)
