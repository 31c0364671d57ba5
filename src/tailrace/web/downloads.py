"""Downloads: the bytes of an object as they are, whole or a stretch of them, never encoded again on the way."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import quote

from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tailrace.files.base import RangeReader, Readable
from tailrace.logs import log
from tailrace.model.errors import TailraceError
from tailrace.model.segment import CLEAR
from tailrace.web.conditions import has_already
from tailrace.web.ranges import stretch

# Threads of their own: clients of a cold disk wait for one another, and nobody else waits for them.
_READERS = ThreadPoolExecutor(16, "download")
# An extension of ASGI: the server has the kernel send bytes of a file. As a key of a start it says that they come next.
ZERO_COPY = "http.response.zerocopysend"
_UNSAFE = re.compile(r'[^\x20-\x7e]|["\\%]')


class Content(Struct, frozen=True):
    """An object, and how a client sees it: its name, type, length in bytes and SHA-256 in hex. `headers` are added to
    those that every download has, or stand in their place.
    """

    key: str
    name: str
    media_type: str
    bytes: int
    sha256: str
    key_ref: str = CLEAR
    headers: Mapping[str, str] = field(default_factory=dict)


class Download(Response):
    """The answer to a GET or HEAD of an object. Without a reader there are headers only.

    `begins` says whether byte 0 is sent: that is what counts as one download, however many requests it takes.
    """

    def __init__(self, status: int, headers: dict[str, str], *, begins: bool = False) -> None:
        super().__init__(status_code=status, headers=headers)
        self.begins = begins


class Sending(Download):
    """An answer with a stretch `[start, stop)` of an object."""

    def __init__(
        self, status: int, headers: dict[str, str], files: Readable, content: Content, between: tuple[int, int]
    ) -> None:
        super().__init__(status, headers, begins=between[0] == 0)
        self._files = files
        self._content = content
        self._between = between

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. What fails before the first byte is an error; later the body ends too soon, which its length tells
        the client.
        """
        start, stop = self._between
        with closing(self._files.ranges(self._content.key, self._content.key_ref)) as source:
            body = _Body(source, stop, by_kernel=ZERO_COPY in scope.get("extensions", ()))
            first = await body.next(start)
            head: Message = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await send({**head, ZERO_COPY: True} if first.message["type"] == ZERO_COPY else head)
            try:
                await _send(body, first, receive, send)
            except (OSError, TailraceError) as error:
                log.warning("download.cut", object=self._content.key, why=str(error))


def download(request: Request, files: Readable, content: Content, accel_prefix: str = "") -> Download:
    """What answers a GET or HEAD of an object: 200, 206 or 304.

    With `accel_prefix` a server in front sends the bytes, from its internal location of that name.

    Raises:
        RangeNotSatisfiable: the range that is asked for begins behind the end.
    """
    headers = headers_of(content)
    if has_already(request.headers, headers["etag"]):
        return Download(304, headers)
    if request.method == "HEAD":
        return Download(200, headers | {"content-length": str(content.bytes)})
    wanted = stretch(request.headers, headers["etag"], content.bytes)
    start, stop = wanted or (0, content.bytes)
    if accel_prefix and content.key_ref == CLEAR:
        del headers["accept-ranges"]  # the other server says so itself, and would say it twice
        headers["x-accel-redirect"] = accel_prefix + quote(content.key)
        return Download(200, headers, begins=start == 0)
    headers["content-length"] = str(stop - start)
    if wanted is None:
        return Sending(200, headers, files, content, (start, stop))
    headers["content-range"] = f"bytes {start}-{stop - 1}/{content.bytes}"
    return Sending(206, headers, files, content, (start, stop))


def attachment(name: str) -> str:
    """``Content-Disposition`` (RFC 6266) for any name: in ASCII for old clients, and as it is."""
    return f"attachment; filename=\"{_UNSAFE.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"


def headers_of(content: Content) -> dict[str, str]:
    """What every answer says of an object, its own headers among them."""
    digest = b64encode(bytes.fromhex(content.sha256)).decode()
    return {
        "content-type": content.media_type,
        "content-disposition": attachment(content.name),
        "etag": f'"{content.sha256}"',
        "repr-digest": f"sha-256=:{digest}:",
        "accept-ranges": "bytes",
        "cache-control": "private, no-transform",
        **content.headers,
    }


class _Lot(Struct, frozen=True):
    """A message with the bytes of an object up to `stop`."""

    message: Message
    stop: int


class _Body:
    """The bytes of an object up to `stop`, as messages: those that are in memory by the kernel where that can be."""

    def __init__(self, source: RangeReader, stop: int, *, by_kernel: bool) -> None:
        self._source = source
        self._stop = stop
        self._by_kernel = by_kernel

    async def next(self, at: int) -> _Lot:
        """The next bytes. What is in memory is read here: that is quicker than to ask a thread for it."""
        stop = min(at + self._source.step, self._stop)
        more = {"more_body": stop < self._stop}
        file = self._source.descriptor(at, stop) if self._by_kernel else None
        if file is not None:
            return _Lot({"type": ZERO_COPY, "file": file, "offset": at, "count": stop - at, **more}, stop)
        data = self._source.at_once(at, stop)
        if data is None:
            data = await asyncio.get_running_loop().run_in_executor(_READERS, self._source.read, at, stop)
        return _Lot({"type": "http.response.body", "body": data, **more}, stop)


async def _send(body: _Body, lot: _Lot, receive: Receive, send: Send) -> None:
    """Send a body from its first lot on, until it ends or the client has gone."""
    await send(lot.message)
    if not lot.message["more_body"]:
        return
    gone = asyncio.create_task(_gone(receive))
    try:
        while lot.message["more_body"] and not gone.done():
            lot = await body.next(lot.stop)
            await send(lot.message)
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    """Come back when the client has gone: to the server that may show in no other way."""
    while (await receive())["type"] != "http.disconnect":
        pass
