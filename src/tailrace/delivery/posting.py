"""Posting to a host that a tenant names: through the guard, without redirects and proxies, in a bounded time."""

import ssl
import time
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import httpcore
import httpx
from msgspec import Struct

from tailrace.delivery.guard import Guard
from tailrace.model.errors import Unavailable

_MOST_ANSWER = 64 << 10  # bytes of an answer that are looked at, which is only to end it in order
_AWAY_S = 5


class Post(Struct, frozen=True):
    """What to send where; all of it has to be done within `timeout_ms`."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_ms: int


def post(guard: Guard, wanted: Post) -> int:
    """Send it; the status of the answer.

    Raises:
        GivenUp: the host may not be connected to.
        Unavailable: there is no answer.
    """
    backend = _Backend(guard, time.monotonic() + wanted.timeout_ms / 1000)
    try:
        with httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend, retries=0) as pool:
            return _status(pool, wanted)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        kind = type(error).__name__
    raise Unavailable(f"the receiver did not answer: {kind}", _AWAY_S)


def _status(pool: httpcore.ConnectionPool, wanted: Post) -> int:
    url = httpx.URL(wanted.url)
    place = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    headers = {"host": url.netloc.decode(), "content-length": str(len(wanted.body)), **wanted.headers}
    timeout = wanted.timeout_ms / 1000
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
    sent = list(headers.items())
    with pool.stream("POST", place, headers=sent, content=wanted.body, extensions={"timeout": timeouts}) as answer:
        taken = 0
        for chunk in answer.iter_stream():
            taken += len(chunk)
            if taken > _MOST_ANSWER:
                break
        return answer.status


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Backend(httpcore.SyncBackend):
    """Connects by the guard, until a moment of the monotonic clock."""

    def __init__(self, guard: Guard, until: float) -> None:
        self._guard = guard
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the moment counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A stream to one of the addresses that the host has now."""
        failed: Exception = httpcore.ConnectError("no address")
        for address in self._guard.addresses(host, port):
            try:
                stream = super().connect_tcp(address, port, _left(self._until), local_address, socket_options)
                return _Stream(stream, self._until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class _Stream(httpcore.NetworkStream):
    """A stream that ends at a moment, however slowly bytes come in."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _left(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _left(self._until))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(self._until)), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(until: float) -> float:
    """Seconds that are left. Raises ReadTimeout if none are."""
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time is over")
    return left
