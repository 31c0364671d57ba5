"""Request bodies: what they hold decides how they are unpacked, and no body takes more memory than its limit."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
import zstandard
from starlette.requests import Request

from tailrace.model.errors import Malformed, TooLarge
from tailrace.web.bodies import read_body, unpack

LIMIT = 1_000_000
TEXT = b"".join(b"line %d\n" % n for n in range(5000))


def read(chunks: Sequence[bytes], limit: int = LIMIT) -> bytes:
    """The body of a request that arrives in these chunks."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    coming = iter([*messages, {"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(coming)

    return asyncio.run(read_body(Request({"type": "http", "headers": []}, receive), limit, 60_000))


def zstd(data: bytes, *, sized: bool = True) -> bytes:
    """One frame, with its content's size in front or without it."""
    compressor = zstandard.ZstdCompressor(write_content_size=sized, write_checksum=True)
    return compressor.compress(data)


@pytest.mark.parametrize(
    "body",
    [
        TEXT,
        gzip.compress(TEXT),
        zstd(TEXT),
        zstd(TEXT, sized=False),
        gzip.compress(TEXT[:7]) + gzip.compress(b"") + gzip.compress(TEXT[7:]),
        zstd(TEXT[:7]) + zstd(b"") + zstd(TEXT[7:]),
    ],
    ids=["plain", "gzip", "zstd", "zstd without size", "gzip members", "zstd frames"],
)
def test_a_body_is_unpacked_by_its_content(body: bytes) -> None:
    """Plain, gzip and zstd of several members give the same bytes, however the body is cut into chunks."""
    assert read([body]) == TEXT
    assert read([body[place : place + 1000] for place in range(0, len(body), 1000)]) == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_a_body_that_ends_too_early_is_malformed(pack: Any) -> None:
    """Cut anywhere, a packed body is refused as a whole: no prefix of it is taken for the body."""
    packed = pack(TEXT)
    for cut in (5, len(packed) // 2, len(packed) - 1):
        with pytest.raises(Malformed):
            unpack(packed[:cut], LIMIT)
        with pytest.raises(Malformed):
            unpack(packed + packed[:cut], LIMIT)


def test_a_body_that_breaks_off_with_its_connection_is_malformed() -> None:
    """A sender that goes away in the middle is no failure of the server, and what it sent is not taken for a body."""
    coming = iter([{"type": "http.request", "body": TEXT, "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(coming)

    with pytest.raises(Malformed):
        asyncio.run(read_body(Request({"type": "http", "headers": []}, receive), LIMIT, 60_000))


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_a_damaged_body_is_malformed(pack: Any) -> None:
    """A changed byte is noticed by the checksum, and what follows the last member is no body."""
    packed = bytearray(pack(TEXT))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(Malformed):
        unpack(bytes(packed), LIMIT)
    with pytest.raises(Malformed):
        unpack(pack(TEXT) + b"junk", LIMIT)


def test_the_limit_holds_before_unpacking() -> None:
    """A body of the limit is read, one byte more is not, and no more of it is read than that."""
    assert len(read([b"x" * LIMIT])) == LIMIT
    with pytest.raises(TooLarge) as caught:
        read([b"x" * LIMIT, b"x"])
    assert caught.value.limit == LIMIT
    with pytest.raises(TooLarge):
        read([b"x" * (LIMIT // 2)] * 3 + [b"never read"])


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_the_limit_holds_after_unpacking(pack: Any) -> None:
    """What unpacks to the limit is taken, and one byte more is not, in one member or in two."""
    assert len(unpack(pack(bytes(LIMIT)), LIMIT)) == LIMIT
    for bomb in (pack(bytes(LIMIT + 1)), pack(bytes(LIMIT)) + pack(b"x")):
        with pytest.raises(TooLarge):
            unpack(bomb, LIMIT)


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_a_bomb_is_refused_in_bounded_memory(pack: Any) -> None:
    """300 MB of zeros in a small body take no more memory than a few times the limit."""
    bomb = pack(bytes(300_000_000))
    assert len(bomb) < LIMIT
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unpack(bomb, LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * LIMIT


def test_very_many_empty_members_are_no_burden() -> None:
    """A body of nothing but member heads is read in one pass, not copied once per member."""
    empty = gzip.compress(b"", mtime=0)
    assert unpack(empty * 400_000 + gzip.compress(b"end"), LIMIT) == b"end"


def test_what_only_begins_like_a_packed_body_is_plain() -> None:
    """Bytes that are no gzip or zstd are handed on as they are; zlib without a gzip head is one of them."""
    for body in (b"", b"\x1f", b"{}", zlib.compress(TEXT)):
        assert unpack(body, LIMIT) == body
