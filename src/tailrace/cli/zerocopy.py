"""Zero copy: bytes of a file go to the socket within the kernel, as the ASGI extension of that name has it.

uvicorn has no such extension, so its protocol for HTTP is given it here.
"""

import asyncio
import os
import socket
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tailrace.web.downloads import ZERO_COPY

_PAUSE_S = 0.01  # until what was written before is with the kernel; a client that reads nothing keeps it waiting
_END: Message = {"type": "http.response.body", "body": b""}


class ZeroCopyProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose answers may name stretches of a file; over TLS the bytes must pass through us."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._own: _Own | None = None
        self.app: Any = _Extended(self.app, self)

    def on_message_begin(self) -> None:
        """A request begins: say what its answer may do."""
        super().on_message_begin()
        if self.scheme == "http":
            self.scope["extensions"] = {ZERO_COPY: {}}

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended; to the client it ends when our own descriptor is closed, too."""
        if self._own is not None:
            self._own.close()
        super().connection_lost(exc)

    def own(self) -> "_Own":
        """The connection's socket, to be sent to without the transport."""
        if self._own is None:
            self._own = _Own(self.transport.get_extra_info("socket").fileno())
        return self._own


class _Own:
    """A socket by a descriptor of our own: the event loop lets nobody wait for its own one."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=os.dup(descriptor))
        self.closed = False
        self._ready: asyncio.Future[None] | None = None

    async def writable(self) -> None:
        """Wait until it takes more, or never will."""
        loop = asyncio.get_running_loop()
        ready = self._ready = loop.create_future()
        loop.add_writer(self.socket, self._look_away)
        try:
            await ready
        finally:
            self._look_away()

    def close(self) -> None:
        """Close it, whoever waits."""
        self._look_away()
        self.closed = True
        self.socket.close()

    def _look_away(self) -> None:
        ready, self._ready = self._ready, None
        if ready is not None:
            asyncio.get_running_loop().remove_writer(self.socket)
            if not ready.done():
                ready.set_result(None)


class _Extended:
    """An application whose messages of the extension are carried out here."""

    def __init__(self, app: ASGIApp, protocol: ZeroCopyProtocol) -> None:
        self._app = app
        self._protocol = protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, _Sending(self._protocol, send))


class _Sending:
    """Sends an answer. The head of one whose body is a file goes with its first bytes, in as few packets as can be."""

    def __init__(self, protocol: ZeroCopyProtocol, send: Send) -> None:
        self._protocol = protocol
        self._send = send
        self._cycle: RequestResponseCycle = send.__self__  # type: ignore[attr-defined]
        self._head = b""

    async def __call__(self, message: Message) -> None:
        """One message of ASGI."""
        if message["type"] == ZERO_COPY:
            await self._send_file(message)
        elif message.get(ZERO_COPY):
            self._head = await self._written(message)
        else:
            await self._send(message)

    async def _send_file(self, message: Message) -> None:
        """Send a stretch of a file, unless the client has gone.

        Raises:
            OSError: the file ends before the stretch does.
        """
        cycle, more, head = self._cycle, message.get("more_body", False), self._head
        self._head = b""
        await _flushed(cycle)
        if not (cycle.disconnected or cycle.transport.is_closing()):
            try:
                await _send(cycle, self._protocol.own(), head, message)
            except (BrokenPipeError, ConnectionResetError):
                cycle.disconnected = True
                cycle.transport.abort()
        if more:
            await asyncio.sleep(0)  # a client as quick as the kernel must not keep the others waiting
        else:
            await self._send(_END)

    async def _written(self, message: Message) -> bytes:
        """What uvicorn would write for a message."""
        transport, caught = self._cycle.transport, _Caught()
        self._cycle.transport = caught  # type: ignore[assignment]
        try:
            await self._send(message)
        finally:
            self._cycle.transport = transport
        return caught.written


class _Caught:
    """A transport that keeps what is written to it."""

    written = b""

    def write(self, data: bytes) -> None:
        """Keep some bytes."""
        self.written += data


async def _send(cycle: RequestResponseCycle, own: _Own, head: bytes, message: Message) -> None:
    file, offset, count = message["file"], message["offset"], message["count"]
    while (head or count) and not own.closed:
        try:
            if head:
                head = head[own.socket.send(head, socket.MSG_MORE) :]
                continue
            sent = os.sendfile(own.socket.fileno(), file, offset, count)
        except BlockingIOError:
            await own.writable()
            continue
        if not sent:
            raise OSError(f"a file ends before byte {offset + count}")
        offset, count = offset + sent, count - sent
        cycle.expected_content_length -= sent


async def _flushed(cycle: RequestResponseCycle) -> None:
    """Wait until the transport has nothing of its own to send, such as the answer before."""
    if cycle.transport.get_write_buffer_size():
        await asyncio.sleep(0)
    while cycle.transport.get_write_buffer_size() and not cycle.disconnected:
        await asyncio.sleep(_PAUSE_S)
