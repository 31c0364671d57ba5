"""How the pieces of a part are packed, so that assembling can use them as they are or unpack them fast."""

from typing import Literal

import pyarrow as pa
from msgspec import Struct

from tailrace.formats import gzip

# `deflate` is used as it is, inside of gzip and zip. `lz4` is for what waits and must be unpacked again. `plain` is for
# what does not wait, and for record batches, which are packed inside.
Store = Literal["deflate", "lz4", "plain"]

_LZ4 = pa.Codec("lz4_raw")


class Packed(Struct, frozen=True):
    """A packed piece; `crc` is that of the data, where its packing needs one."""

    data: bytes | memoryview
    crc: int


def pack(store: Store, data: bytes | memoryview) -> Packed:
    """Pack a piece."""
    if store == "deflate":
        piece = gzip.pack(data)
        return Packed(piece.packed, piece.crc)
    return Packed(_lz4(data) if store == "lz4" else data, 0)


def _lz4(data: bytes | memoryview) -> memoryview:
    """A buffer of Arrow's allocator, not bytes: its pages are used again for the next piece."""
    buffer = _LZ4.compress(data)
    return memoryview(buffer)[: buffer.size]  # it shows all that it has room for


def unpack(store: Store, data: bytes | memoryview, length: int) -> bytes | memoryview:
    """A piece as its file takes it; `length` is that of the data. What is deflated stays so."""
    if store == "lz4":
        unpacked: bytes = _LZ4.decompress(data, length, asbytes=True)
        return unpacked
    return data
