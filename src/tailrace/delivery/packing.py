"""Packing a stream on its way: one gzip member, with nothing of the moment in it."""

import struct
from collections.abc import Iterable, Iterator

from isal import isal_zlib

from tailrace.formats.gzip import HEAD, LEVEL


def gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, packed."""
    deflate = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
    crc = length = 0
    yield HEAD
    for chunk in chunks:
        crc = isal_zlib.crc32(chunk, crc)
        length += len(chunk)
        yield deflate.compress(chunk)
    yield deflate.flush()
    yield struct.pack("<II", crc, length & 0xFFFFFFFF)
