"""Zero copy: bytes of a file go to the socket within the kernel, as the ASGI extension of that name has it.

uvicorn has no such extension, so its protocol for HTTP is given it here.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tailrace.web.downloads import ZERO_COPY

_PAUSE_S = 0.01  # until what was written before is with the kernel; a client that reads nothing keeps it waiting


class ZeroCopyProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose answers may name stretches of a file; over TLS the bytes must pass through us."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app: Any = _Extended(self.app)

    def on_message_begin(self) -> None:
        """A request begins: say what its answer may do."""
        super().on_message_begin()
        if self.scheme == "http":
            self.scope["extensions"] = {ZERO_COPY: {}}


class _Extended:
    """An application whose messages of the extension are carried out here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle: RequestResponseCycle = send.__self__  # type: ignore[attr-defined]

        async def sending(message: Message) -> None:
            if message["type"] != ZERO_COPY:
                await send(message)
                return
            await _send_file(cycle, message["file"], message["offset"], message["count"])
            if not message.get("more_body", False):
                await send({"type": "http.response.body", "body": b""})

        await self._app(scope, receive, sending)


async def _send_file(cycle: RequestResponseCycle, file: int, offset: int, count: int) -> None:
    """Send a stretch of a file, unless the client has gone.

    Raises:
        OSError: the file ends before the stretch does.
    """
    await _flushed(cycle)
    if cycle.disconnected or cycle.transport.is_closing():
        return
    with _own(cycle) as socket:
        while count and not cycle.disconnected:
            try:
                sent = os.sendfile(socket, file, offset, count)
            except BlockingIOError:
                await _writable(socket)
                continue
            except (BrokenPipeError, ConnectionResetError):
                cycle.transport.abort()
                return
            if not sent:
                raise OSError(f"a file ends before byte {offset + count}")
            offset, count = offset + sent, count - sent
            cycle.expected_content_length -= sent
    await asyncio.sleep(0)  # a client as quick as the kernel must not keep the others waiting


async def _flushed(cycle: RequestResponseCycle) -> None:
    """Wait until the transport has nothing of its own to send, such as the headers."""
    if cycle.transport.get_write_buffer_size():
        await asyncio.sleep(0)
    while cycle.transport.get_write_buffer_size() and not cycle.disconnected:
        await asyncio.sleep(_PAUSE_S)


@contextmanager
def _own(cycle: RequestResponseCycle) -> Iterator[int]:
    """The connection's socket by a descriptor of our own: the event loop lets nobody wait for its own one."""
    socket = os.dup(cycle.transport.get_extra_info("socket").fileno())
    try:
        yield socket
    finally:
        os.close(socket)


async def _writable(socket: int) -> None:
    """Wait until a socket takes more, or says that it never will."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_writer(socket, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_writer(socket)


def _settle(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
