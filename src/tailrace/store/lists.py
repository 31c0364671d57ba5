"""Lists: small batches of accepted records, each column made of Python values.

A call on an Arrow column costs as much as a look at some hundred values, so a batch of fifty is done before Arrow has
begun. Many of them are read at once, by a seal, and become Arrow columns then, as far as may be without looking at a
value.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct, field

from tailrace.store.schema import RECORD_SCHEMA

_BEGIN = b"TL1\n"  # no Arrow stream begins so
_HEAD = len(_BEGIN) + 8  # bytes before what is compressed: the mark, and how long it is unpacked
_CODEC = "zstd"
_TABLE_ROWS = 16_384  # at a time: values of Python take several times the memory of a column
_NONE = -1  # the length of a text that is none

_Ints = npt.NDArray[np.int32]


class Texts(Struct, array_like=True, gc=False):
    """A column of texts: the length of each in bytes as a 32-bit number, -1 where there is none, and all of them."""

    lengths: bytes
    whole: bytes


class Shared(Struct, array_like=True, gc=False):
    """A column of texts that stand many times: text i is the one of number `places[i]`, a 32-bit number, in `texts`."""

    texts: Sequence[str | None]
    places: bytes


class Columns(Struct, array_like=True):
    """Columns of `RECORD_SCHEMA` by name, those that say something: values of a fixed width one after the other in
    `wide`, texts in `texts` and `shared`, what is the same in all records in `same`, all others in `each`.
    """

    rows: int
    wide: dict[str, bytes]
    texts: dict[str, Texts] = field(default_factory=dict)
    shared: dict[str, Shared] = field(default_factory=dict)
    same: dict[str, Any] = field(default_factory=dict)
    each: dict[str, Sequence[Any]] = field(default_factory=dict)


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


def texts_of(values: Sequence[str | None]) -> Texts:
    """A column of texts.

    Raises:
        UnicodeEncodeError: one holds half of a surrogate pair.
    """
    whole = "".join(filter(None, values))
    if whole.isascii():
        return Texts(_lengths(values), whole.encode())
    encoded = [None if text is None else text.encode() for text in values]
    return Texts(_lengths(encoded), b"".join(filter(None, encoded)))


def _lengths(texts: Sequence[Any]) -> bytes:
    if None in texts:
        return array("i", [_NONE if text is None else len(text) for text in texts]).tobytes()
    return array("i", map(len, texts)).tobytes()


def shared_of(values: Sequence[str | None]) -> Shared:
    """A column of texts that stand many times."""
    places = {text: place for place, text in enumerate(dict.fromkeys(values))}
    return Shared(list(places), array("i", map(places.__getitem__, values)).tobytes())


def lists_of(columns: Columns, earliest: int, repeated: int = 0) -> Lists:
    """Columns, packed. The texts of their shared columns take `repeated` bytes, each text as often as it stands.

    Raises:
        OverflowError: a number needs more than 64 bits.
        UnicodeEncodeError: a text holds half of a surrogate pair.
    """
    packed = _encode(columns)
    return Lists(columns.rows, earliest, len(packed) + repeated, packed)


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
    having: dict[str, list[Columns]] = {}
    for columns in batches:
        for name in _names(columns):
            having.setdefault(name, []).append(columns)
    fields = [f for f in RECORD_SCHEMA if f.name in having]
    return pa.Table.from_arrays([_array(f, batches, having[f.name]) for f in fields], schema=pa.schema(fields))


def _names(columns: Columns) -> Iterator[str]:
    """The columns in which something is said."""
    return chain(columns.wide, columns.texts, columns.shared, columns.same, columns.each)


def _array(of: pa.Field, batches: Sequence[Columns], having: Sequence[Columns]) -> pa.Array:
    """A column of all batches: at once where those `having` it have it in one way, else value by value."""
    name = of.name
    if all(name in columns.wide for columns in batches):
        return _wide(of.type, b"".join(columns.wide[name] for columns in batches))
    if all(name in columns.texts for columns in having):
        return _texts([columns.texts.get(name) or _no_texts(columns.rows) for columns in batches])
    if all(name in columns.shared for columns in having):
        return _shared([columns.shared.get(name) or _nothing_shared(columns.rows) for columns in batches])
    if all(name in columns.same for columns in having):
        rows = np.repeat(np.arange(len(batches)), [columns.rows for columns in batches])
        return pa.array([columns.same.get(name) for columns in batches], of.type).take(pa.array(rows))
    return pa.array(chain.from_iterable(_values(of, columns) for columns in batches), of.type)


def _wide(kind: pa.DataType, values: bytes) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values) // kind.byte_width, [None, pa.py_buffer(values)])


def _texts(columns: Sequence[Texts]) -> pa.Array:
    lengths = _numbers(column.lengths for column in columns)
    there = lengths != _NONE
    whole = b"".join(column.whole for column in columns)
    ends = np.concatenate([[0], np.cumsum(np.where(there, lengths, 0))]).astype(np.int32)
    valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(pa.string(), len(lengths), [valid, pa.py_buffer(ends), pa.py_buffer(whole)])


def _shared(columns: Sequence[Shared]) -> pa.Array:
    counts = [len(column.texts) for column in columns]
    before = np.cumsum(counts) - counts
    rows = [len(column.places) // 4 for column in columns]
    places = _numbers(column.places for column in columns) + np.repeat(before, rows)
    return pa.array(chain.from_iterable(column.texts for column in columns), pa.string()).take(pa.array(places))


def _numbers(parts: Iterable[bytes]) -> _Ints:
    return np.frombuffer(b"".join(parts), dtype=np.int32)


def _no_texts(rows: int) -> Texts:
    return Texts(_NONE.to_bytes(4, "little", signed=True) * rows, b"")


def _nothing_shared(rows: int) -> Shared:
    return Shared([None], bytes(4 * rows))


def _values(of: pa.Field, columns: Columns) -> Iterable[Any]:
    """The values of a column of one batch, None where it has none."""
    name = of.name
    if name in columns.each:
        return columns.each[name]
    if name in columns.wide:
        return _listed(_wide(of.type, columns.wide[name]))
    if name in columns.texts:
        return _listed(_texts([columns.texts[name]]))
    if name in columns.shared:
        return _listed(_shared([columns.shared[name]]))
    return repeat(columns.same.get(name), columns.rows)


def _listed(column: pa.Array) -> Iterable[Any]:
    values: list[Any] = column.to_pylist()
    return values
