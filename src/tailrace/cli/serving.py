"""Running the HTTP server: how it begins, and in which order it ends."""

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from tailrace.cli.zerocopy import ZeroCopyProtocol

STOP_S = 30  # for answers that are on their way
_LOOK_S = 0.01


class Server(uvicorn.Server):
    """A server that says at SIGTERM that it is not ready, goes on for `drain_ms`, and then stops in order.

    A second signal ends the wait. `trusted` are the proxies that are believed for whom they ask, and how.
    """

    def __init__(self, app: Starlette, host: str, port: int, drain_ms: int = 0, trusted: str = "") -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                loop="uvloop",  # by name: without it, downloads would be several times slower, and nobody told
                http=ZeroCopyProtocol,
                forwarded_allow_ips=trusted,
                log_config=None,
                access_log=False,  # ours never holds a query string
                server_header=False,
                timeout_graceful_shutdown=STOP_S,
            )
        )
        self._readiness = app.state.readiness
        self._closing = app.state.closing
        self._drain_s = drain_ms / 1000
        self._leave_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to end."""
        self._readiness.stop()
        if self._leave_at is None and self._drain_s:
            self._captured_signals.append(sig)
            self._leave_at = time.monotonic() + self._drain_s
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end."""
        if self._leave_at is not None and time.monotonic() >= self._leave_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: no new requests, streams and long polls end, requests finish, then the application stops."""
        self._closing()
        await super().shutdown(sockets)


@contextmanager
def serving(app: Starlette, host: str, port: int) -> Iterator[None]:
    """Serve from a thread until the block ends.

    Raises:
        OSError: the port is taken.
    """
    server = Server(app, host, port)
    thread = threading.Thread(target=_run, args=(server,), name="http", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), f"{host}:{port}")
        time.sleep(_LOOK_S)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _run(server: Server) -> None:
    with suppress(SystemExit):  # it could not listen, and its log line says why
        server.run()
