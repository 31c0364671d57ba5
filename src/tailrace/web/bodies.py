"""Request bodies: read with a limit, unpacked by their content and never by their headers, with the same limit."""

import zlib

import zstandard
from starlette.requests import Request

from tailrace.model.errors import Malformed, TooLarge

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 20


async def read_body(request: Request, limit: int) -> bytes:
    """The body as it was sent, or unpacked when it is gzip or zstd.

    Raises:
        TooLarge: it is longer than `limit` bytes, before or after unpacking.
        Malformed: it is damaged.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge(limit)
    return unpack(bytes(body), limit)


def unpack(body: bytes, limit: int) -> bytes:
    """Unpack gzip or zstd; anything else is returned as it is. Raises as `read_body` does."""
    try:
        if body.startswith(_GZIP):
            return _ungzip(body, limit)
        if body.startswith(_ZSTD):
            return _unzstd(body, limit)
    except (zlib.error, zstandard.ZstdError) as error:
        raise Malformed(f"the compressed body is damaged: {error}") from None
    return body


def _ungzip(body: bytes, limit: int) -> bytes:
    """All members; a body that ends in the middle of one is damaged."""
    out = bytearray()
    while body:
        member = zlib.decompressobj(31)
        out += member.decompress(body, limit + 1 - len(out))
        if len(out) > limit:
            raise TooLarge(limit)
        if not member.eof:
            raise Malformed("the compressed body ends too early")
        body = member.unused_data
    return bytes(out)


def _unzstd(body: bytes, limit: int) -> bytes:
    out = bytearray()
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(body, read_across_frames=True) as reader:
        while chunk := reader.read(_CHUNK):
            out += chunk
            if len(out) > limit:
                raise TooLarge(limit)
    return bytes(out)
