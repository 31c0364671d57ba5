"""The clients: one that waits for its answers, and one under asyncio."""

import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import httpx

from tailrace.client.accounts import Apps, Myself, Tokens, Users
from tailrace.client.events import Events
from tailrace.client.exports import Exports
from tailrace.client.pull.options import PIECE_BYTES, Options, Pulled
from tailrace.client.retrying import Retries
from tailrace.client.runners import AsyncRunner, QuietLinks, SyncRunner
from tailrace.client.session import Session

_QUIET = QuietLinks()


class Client:
    """A server as plain functions. Threads may share it; close it, or use it in a `with` block.

    Args:
        server: its URL.
        token: for everything but events. It is sent to this server and to no other.
        write_key: an app's, for events.
        timeout: the longest silence of the server, seconds.
        retries: when to ask again.
        transport: in place of the network, for tests.
    """

    def __init__(
        self,
        server: str,
        token: str | None = None,
        *,
        write_key: str | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        session = Session(server, token, write_key, timeout, retries or Retries())
        logging.getLogger("httpx").addFilter(_QUIET)
        self._http = httpx.Client(transport=transport)
        self.runner = SyncRunner(session, self._http)
        self.exports = Exports(self.runner)
        self.tokens = Tokens(self.runner)
        self.users = Users(self.runner)
        self.apps = Apps(self.runner)
        self.me = Myself(self.runner)
        self.events = Events(self.runner)

    def pull(
        self,
        what: str,
        out: str | Path,
        *,
        parallel: int = 4,
        piece_bytes: int = PIECE_BYTES,
        verify: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Pulled:
        """Download the files of an export into a directory; after a kill it goes on where it was.

        Args:
            what: id of an export, URL or path of a manifest.
            out: the directory, made if missing.
            parallel: requests at a time.
            piece_bytes: what one request brings.
            verify: read what is there already, instead of looking at sizes.
            progress: hears of bytes that are there, and of bytes in all.

        Raises:
            Mismatch: files are not what the manifest says.
            Invalid: the manifest or the directory cannot be.
            ProblemError, ConnectionLost: the server says no, or nothing.
        """
        from tailrace.client.pull.finding import source_of
        from tailrace.client.pull.pulling import pull

        return pull(source_of(what, self.runner), Path(out), Options(parallel, piece_bytes, verify), progress)

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient:
    """A server as coroutines; arguments are those of `Client`. Close it, or use it in an `async with` block."""

    def __init__(
        self,
        server: str,
        token: str | None = None,
        *,
        write_key: str | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        session = Session(server, token, write_key, timeout, retries or Retries())
        logging.getLogger("httpx").addFilter(_QUIET)
        self._http = httpx.AsyncClient(transport=transport)
        self.runner = AsyncRunner(session, self._http)
        self.exports = Exports(self.runner)
        self.tokens = Tokens(self.runner)
        self.users = Users(self.runner)
        self.apps = Apps(self.runner)
        self.me = Myself(self.runner)
        self.events = Events(self.runner)

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
