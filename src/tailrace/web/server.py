"""The server: it ends what would go on for ever before it waits for requests to end."""

import socket
from collections.abc import Callable

import uvicorn


class Server(uvicorn.Server):
    """A server that calls `closing` as soon as it is to stop, so that streams and long polls end in order."""

    def __init__(self, config: uvicorn.Config, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: no new requests, streams end, requests finish, then the application stops."""
        self._closing()
        await super().shutdown(sockets)
