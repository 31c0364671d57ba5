"""Request bodies: read with a limit, unpacked by their content and never by their headers, with the same limit."""

import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tailrace.model.errors import Malformed, TooLarge

_PACKINGS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
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
    return await run_in_threadpool(unpack, bytes(body), limit)


def unpack(body: bytes, limit: int) -> bytes:
    """Unpack gzip or zstd; anything else is returned as it is. Raises as `read_body` does."""
    for begin, packing in _PACKINGS.items():
        if body.startswith(begin):
            return _unpack(body, packing, limit)
    return body


def _unpack(body: bytes, packing: str, limit: int) -> bytes:
    """All members or frames; a body that ends inside one is damaged."""
    out = bytearray()
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), packing) as stream:
            while chunk := stream.read(_CHUNK):
                out += chunk
                if len(out) > limit:
                    raise TooLarge(limit)
    except OSError as error:
        raise Malformed(f"the compressed body is damaged: {error}") from None
    return bytes(out)
