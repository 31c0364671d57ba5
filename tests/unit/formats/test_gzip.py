"""One gzip member from many pieces, read with the standard library."""

import gzip as standard
import zlib
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.formats import gzip
from tailrace.formats.bodies import GzipBody

pieces = st.lists(st.binary(max_size=200) | st.just(b"abc" * 50_000), max_size=6)


def member(parts: list[bytes]) -> bytes:
    """What a body makes of parts."""
    made = bytearray()
    body = GzipBody(made.extend)
    for part in parts:
        piece = gzip.pack(part)
        body.piece(piece.packed, piece.length, piece.crc)
    body.close()
    return bytes(made)


@settings(deadline=None)
@given(pieces)
def test_a_reader_that_stops_after_one_member_reads_everything(parts: list[bytes]) -> None:
    """One decompressor reaches the end with nothing left over, for none, empty, small and large pieces."""
    reader = zlib.decompressobj(wbits=31)
    text = reader.decompress(member(parts))
    assert reader.eof
    assert reader.unused_data == b""
    assert text == b"".join(parts)


@settings(deadline=None)
@given(pieces)
def test_the_checksum_is_that_of_the_whole(parts: list[bytes]) -> None:
    """Combined checksums are the checksum of everything, and readers that check it accept the file."""
    packed = [gzip.pack(part) for part in parts]
    combined = reduce(lambda crc, piece: gzip.combine_crc(crc, piece.crc, piece.length), packed, 0)
    assert combined == zlib.crc32(b"".join(parts))
    assert standard.decompress(member(parts)) == b"".join(parts)


def test_equal_content_gives_equal_bytes() -> None:
    """There is no time and no name in the member; the same pieces are the same file."""
    made = member([b"a" * 1000, b"b"])
    assert made == member([b"a" * 1000, b"b"])
    assert made[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def test_a_length_beyond_32_bits_is_written_modulo() -> None:
    """RFC 1952: the last field is the length modulo 2**32, so a file above 4 GiB has a legal end."""
    assert gzip.trailer(7, (5 << 32) + 9) == b"\x07\x00\x00\x00\x09\x00\x00\x00"


def test_a_memoryview_is_packed_like_its_bytes() -> None:
    """The encoder's buffer goes in without a copy."""
    assert gzip.pack(memoryview(b"xyz" * 99)) == gzip.pack(b"xyz" * 99)
