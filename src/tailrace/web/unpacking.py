"""Downloads of gzip objects for those who want what is in them: unpacked on the way, a piece at a time."""

from collections.abc import Iterator
from contextlib import closing
from itertools import chain

from isal import isal_zlib
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tailrace.files.base import Readable
from tailrace.web.conditions import has_already
from tailrace.web.downloads import Content, Download, headers_of

_STEP = 256 << 10  # packed bytes that are read at a time, and unpacked ones that are sent
_GZIP = 31  # window bits of a gzip member


def unpacked(request: Request, files: Readable, content: Content) -> Download:
    """What answers a GET or HEAD of what is in a gzip object. It has no ranges, and no length before its end."""
    headers = headers_of(content)
    for name in ("accept-ranges", "content-disposition", "repr-digest"):  # all of them are of the packed bytes
        del headers[name]
    if has_already(request.headers, headers["etag"]):
        return Download(304, headers)
    if request.method == "HEAD":
        return _Headers(200, headers)
    return Unpacking(headers, _pieces(files, content))


class Unpacking(Download):
    """An answer whose pieces come as they are unpacked."""

    def __init__(self, headers: dict[str, str], pieces: Iterator[bytes]) -> None:
        super().__init__(200, headers, begins=True)
        self._pieces = pieces
        self._shown = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. What fails before the first byte is an error still."""
        first = await run_in_threadpool(next, self._pieces)
        rest = iterate_in_threadpool(chain((first,), self._pieces))
        await StreamingResponse(rest, 200, self._shown)(scope, receive, send)


class _Headers(Download):
    """The headers of an answer whose length nobody knows."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(status, headers)
        del self.headers["content-length"]


def _pieces(files: Readable, content: Content) -> Iterator[bytes]:
    """What is in the object, in pieces of a bounded size."""
    inflate = isal_zlib.decompressobj(_GZIP)
    with closing(files.ranges(content.key, content.key_ref)) as source:
        for start in range(0, content.bytes, _STEP):
            packed = bytes(source.read(start, min(start + _STEP, content.bytes)))
            while packed:
                yield inflate.decompress(packed, _STEP)
                packed = inflate.unconsumed_tail
    yield inflate.flush()
