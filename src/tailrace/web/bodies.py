"""Request bodies: read with a limit and in bounded time, unpacked by their content and never by their headers."""

import asyncio

import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from tailrace.model.errors import Malformed, TooLarge, TooSlow
from tailrace.web.seen import note_unread

_PACKINGS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_CHUNK = 1 << 20
_SWALLOWED = 64 << 20  # what is left of a body that was refused is let pass up to here, so that its sender hears why


async def read_body(request: Request, limit: int, timeout_ms: int) -> bytes:
    """The body as it was sent, or unpacked when it is gzip or zstd.

    Raises:
        TooLarge: it is longer than `limit` bytes, before or after unpacking. One that says so itself is not waited for,
            unless its sender would not hear the answer before its end.
        TooSlow: it takes longer to arrive than `timeout_ms`.
        Malformed: it is damaged, or broke off with its connection.
    """
    announced = _announced(request)
    to_the_end = 0 < announced <= _SWALLOWED and _ends(request)
    try:
        if announced > limit and not to_the_end:
            raise TooLarge(limit)
        async with asyncio.timeout(timeout_ms / 1000):
            body = await _arrived(request, limit, to_the_end=to_the_end)
    except TimeoutError:
        note_unread(request.scope)
        raise TooSlow(timeout_ms) from None
    except TooLarge:
        if not 0 < announced <= _SWALLOWED:
            note_unread(request.scope)
        raise
    return await run_in_threadpool(unpack, body, limit) if body.startswith(tuple(_PACKINGS)) else body


async def _arrived(request: Request, limit: int, *, to_the_end: bool) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            if len(body) <= limit:
                body += chunk
            if len(body) > limit and not to_the_end:
                break
    except ClientDisconnect:  # everyday life of phones, not a failure of ours; nobody hears the answer
        raise Malformed("it broke off with its connection") from None
    if len(body) > limit:
        raise TooLarge(limit)
    return bytes(body)


def _ends(request: Request) -> bool:
    """Whether the connection ends with the answer: a sender in the middle of its body would not hear it. One that
    waits to be told to go on does.
    """
    return "expect" not in request.headers and "close" in request.headers.get("connection", "").lower()


def _announced(request: Request) -> int:
    """The length that a request says it has; 0 if it does not."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0


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
