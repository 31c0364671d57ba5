"""One gzip member, stitched from pieces that were deflated on their own.

Never several members: many readers stop, silently, after the first.
"""

import struct

from isal import isal_zlib
from msgspec import Struct

LEVEL = 1  # as cheap as writing the bytes uncompressed; see docs/decisions

HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time: nothing of the machine or the moment
END = b"\x03\x00"  # an empty last block


class Piece(Struct, frozen=True):
    """Raw deflate data that ends at a byte border; crc and length are those of the data before packing."""

    packed: bytes
    crc: int
    length: int


def pack(data: bytes | memoryview) -> Piece:
    """Deflate one piece."""
    deflate = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
    packed = deflate.compress(data) + deflate.flush(isal_zlib.Z_FULL_FLUSH)
    return Piece(packed, isal_zlib.crc32(data), len(data))


def combine_crc(left: int, right: int, right_length: int) -> int:
    """Checksum of two stretches of data from the checksums of each."""
    return int(isal_zlib.crc32_combine(left, right, right_length))


def trailer(crc: int, length: int) -> bytes:
    """What ends a member: checksum and length of its data."""
    return struct.pack("<II", crc, length & 0xFFFFFFFF)
