"""A proxy that stands before a server and does harm: one request at a time, at the test's word."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPResponse
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

Headers = list[tuple[str, str]]

_PATIENCE_S = 15  # more than clients have
_ANSWER = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"


@dataclass(frozen=True)
class Request:
    """What a client asks."""

    method: str
    target: str
    headers: Headers
    body: bytes
    cut: bool = False  # no more than half of the body goes on

    def header(self, name: str) -> str:
        """A header's value, or ""."""
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(frozen=True)
class Answer:
    """What a server says."""

    status: int
    headers: Headers
    body: bytes


Ask = Callable[[Request], Answer]
Fault = Callable[[Request, Ask], Answer | None]  # None: the connection is reset


def error(status: int, code: str, message: str = "") -> Fault:
    """The server says an error. Its message repeats the request, as some servers do."""

    def say(request: Request, _: Ask) -> Answer:
        told = message or repr(request.headers).replace("<", "").replace("&", "")
        return Answer(status, [("content-type", "application/xml")], _ANSWER.format(code=code, message=told).encode())

    return say


def says(status: int, *headers: tuple[str, str]) -> Fault:
    """Something before the server says so, and the server does not hear of the request."""

    def say(_: Request, __: Ask) -> Answer:
        return Answer(status, [("content-type", "text/plain"), *headers], b"not now")

    return say


def passed_on(request: Request, ask: Ask) -> Answer | None:
    """No harm."""
    return ask(request)


def reset(_: Request, __: Ask) -> Answer | None:
    """The connection breaks before the server hears of it."""
    return None


def lost_answer(request: Request, ask: Ask) -> Answer | None:
    """The server does as asked, and nobody learns of it."""
    ask(request)
    return None


def silent(request: Request, ask: Ask) -> Answer | None:
    """The server does as asked, and its client waits for an answer until it has had enough."""
    ask(request)
    time.sleep(_PATIENCE_S)
    return None


def cut_answer(request: Request, ask: Ask) -> Answer | None:
    """The connection breaks in the middle of the answer."""
    answer = ask(request)
    return Answer(answer.status, [*answer.headers, ("x-cut", "1")], answer.body)


def cut_request(request: Request, ask: Ask) -> Answer | None:
    """The connection breaks while the request is on its way; the server has half of the body."""
    with suppress(ConnectionError):
        ask(replace(request, cut=True))
    return None


def garbled(request: Request, ask: Ask) -> Answer | None:
    """One bit of what is sent changes on its way."""
    body = bytearray(request.body)
    body[len(body) // 2] ^= 1
    return ask(Request(request.method, request.target, request.headers, bytes(body)))


@dataclass
class _Planned:
    fault: Fault
    method: str
    contains: str
    times: int

    def fits(self, request: Request) -> bool:
        return bool(self.times) and self.method == request.method and self.contains in request.target


@dataclass
class FaultProxy:
    """A server that passes requests on. `seen` holds method and target of each, in order."""

    upstream: str
    endpoint: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    _plans: list[_Planned] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def plan(self, fault: Fault, method: str, contains: str = "", times: int = 1) -> None:
        """Do harm to the next `times` requests of a method whose target contains something."""
        self._plans.append(_Planned(fault, method, contains, times))

    @property
    def spent(self) -> bool:
        """Whether all the harm was done."""
        return not any(plan.times for plan in self._plans)

    def count(self, method: str, contains: str = "") -> int:
        """How many such requests came."""
        return sum(which == method and contains in target for which, target in self.seen)

    def answer(self, request: Request) -> Answer | None:
        """Ask the server, harmed or not."""
        with self._lock:
            self.seen.append((request.method, request.target))
            if plan := next((plan for plan in self._plans if plan.fits(request)), None):
                plan.times -= 1
        return plan.fault(request, self._ask) if plan else self._ask(request)

    def _ask(self, request: Request) -> Answer:
        with closing(HTTPConnection(urlsplit(self.upstream).netloc, timeout=60)) as connection:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                if name.lower() not in ("expect", "connection"):
                    connection.putheader(name, value)
            if request.cut:
                connection.endheaders(request.body[: len(request.body) // 2])
                raise ConnectionResetError
            connection.endheaders(request.body)
            return _answer(request, connection.getresponse())


def _answer(request: Request, answer: HTTPResponse) -> Answer:
    body = answer.read()
    hop = ("transfer-encoding", "connection", "content-length")
    headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in hop]
    if request.method == "HEAD":
        headers.append(("content-length", answer.getheader("content-length", "0")))
    return Answer(answer.status, headers, body)


@contextmanager
def proxy_before(upstream: str) -> Iterator[FaultProxy]:
    """A proxy before a server, listening until the block ends."""
    proxy = FaultProxy(upstream)

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError, HTTPException):  # the server may die, too
                while _serve(self, proxy):
                    pass

    class Listener(ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Listener(("127.0.0.1", 0), Handler) as listener:
        proxy.endpoint = f"http://127.0.0.1:{listener.server_address[1]}"
        thread = Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown()
            thread.join()


def _serve(handler: StreamRequestHandler, proxy: FaultProxy) -> bool:
    """One request; whether the connection goes on."""
    request = _read(handler)
    if request is None:
        return False
    answer = proxy.answer(request)
    if answer is None:
        _break(handler.connection)
        return False
    headers = [f"{name}: {value}" for name, value in answer.headers]
    if request.method != "HEAD":
        headers.append(f"content-length: {len(answer.body)}")
    head = "\r\n".join([f"HTTP/1.1 {answer.status} x", *headers, "", ""])
    cut = any(name == "x-cut" for name, _ in answer.headers)
    handler.wfile.write(head.encode() + answer.body[: len(answer.body) // 2 if cut else None])
    handler.wfile.flush()
    if cut:
        handler.connection.close()
    return not cut


def _read(handler: StreamRequestHandler) -> Request | None:
    first = handler.rfile.readline().decode().split()
    if not first:
        return None
    headers: Headers = []
    while line := handler.rfile.readline().strip():
        name, _, value = line.decode().partition(":")
        headers.append((name, value.strip()))
    request = Request(first[0], first[1], headers, b"")
    if request.header("expect"):
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = handler.rfile.read(int(request.header("content-length") or 0))
    return Request(first[0], first[1], headers, body)


def _break(connection: socket.socket) -> None:
    """Close with a reset, not with an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
