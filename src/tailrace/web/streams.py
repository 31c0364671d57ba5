"""Streams of server-sent events: small texts that come as things happen, until the client or the server ends it."""

from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
# Proxies are asked to pass on each event as it comes.
HEADERS = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
KEEP_ALIVE = b": still here\n\n"


class EventStream(StreamingResponse):
    """A stream of events; `ended` is called once when it is over, however that came."""

    def __init__(self, events: AsyncIterator[bytes], ended: Callable[[], None]) -> None:
        super().__init__(events, headers=HEADERS, media_type=MEDIA_TYPE)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


def event(name: str, data: bytes) -> bytes:
    """One event; its data is one line."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)


async def gone(request: Request) -> None:
    """Return when the client of a request without a body has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
