"""Downloads: the bytes of an object as they are, never encoded again on the way."""

from collections.abc import AsyncIterator, Iterator

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from tailrace.files.base import Files
from tailrace.model.segment import CLEAR


def download(
    files: Files, key: str, *, size: int, name: str, media_type: str, sha256: str, head: bool, key_ref: str = CLEAR
) -> Response:
    """An object as an attachment. `size` in bytes; with `head` the headers alone."""
    headers = {
        "content-length": str(size),
        "content-disposition": f'attachment; filename="{name}"',
        "etag": f'"{sha256}"',
        "cache-control": "private, no-transform",
    }
    if head:
        return Response(headers=headers, media_type=media_type)
    return StreamingResponse(_read(iter(files.chunks(key, key_ref=key_ref))), headers=headers, media_type=media_type)


async def _read(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read in a thread: a cold disk must not hold up other requests."""
    while (chunk := await run_in_threadpool(next, chunks, b"")) != b"":
        yield chunk
