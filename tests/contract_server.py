"""A small real HTTP server that keeps just those sentences of the API that clients stand on, and does harm on request.

It answers for one space: exports made ready by the test, signed links, ranges, idempotency, pages, long polls; and
tokens, users and apps as plain lists. A fault is planned for the next requests that fit.
"""

import hashlib
import json
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Row = dict[str, Any]
TOKEN = "tok_contract"
REQUEST: Row = {"app": "app_waves", "window": {"axis": "available"}}


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


@dataclass(frozen=True)
class Reply:
    """An answer. `cut` breaks the connection after so many bytes of the body."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


Fault = Callable[[Seen, Callable[[], Reply]], Reply | None]  # None: the connection is reset


def lost(_: Seen, answer: Callable[[], Reply]) -> Reply | None:
    """The server does as asked, and nobody learns of it."""
    answer()
    return None


def busy(seconds: int = 0) -> Fault:
    """Not now."""
    body = {"code": "unavailable", "detail": "Send it again.", "retryable": True, "status": 503}
    return lambda _seen, _answer: Reply(503, json.dumps(body).encode(), {"retry-after": str(seconds)})


def cut(after: int) -> Fault:
    """The connection breaks within the body."""

    def broken(_: Seen, answer: Callable[[], Reply]) -> Reply:
        whole = answer()
        return Reply(whole.status, whole.body, whole.headers, min(after, len(whole.body) - 1))

    return broken


def garbled(_: Seen, answer: Callable[[], Reply]) -> Reply:
    """One bit changes on the way."""
    whole = answer()
    body = bytearray(whole.body)
    body[len(body) // 2] ^= 1
    return Reply(whole.status, bytes(body), whole.headers)


@dataclass
class _Plan:
    fault: Fault
    method: str
    contains: str
    times: int
    skip: int


@dataclass
class ContractServer:
    """What the server knows, and what was asked of it."""

    url: str = ""
    public: str = ""  # base of links
    files: dict[str, bytes] = field(default_factory=dict)
    exports: dict[str, Row] = field(default_factory=dict)
    keys: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    lists: dict[str, list[Row]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    states: list[tuple[str, int]] = field(default_factory=list)  # what an export is at each look; the last one stays
    generation: int = 0  # signs links; an older one has expired
    ranges: bool = True
    etag: str = ""
    pace: float = 0.0  # seconds for each 64 KiB
    static: dict[str, bytes] = field(default_factory=dict)
    _plans: list[_Plan] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def plan(self, fault: Fault, method: str, contains: str = "", times: int = 1, skip: int = 0) -> None:
        """Do harm to the next requests of a method whose target contains something, after letting some through."""
        self._plans.append(_Plan(fault, method, contains, times, skip))

    def asked(self, method: str, contains: str = "") -> list[Seen]:
        """The requests that fit, in their order."""
        return [seen for seen in self.seen if seen.method == method and contains in seen.target]

    def answer(self, seen: Seen) -> Reply | None:
        """One request, harmed or not."""
        with self._lock:
            self.seen.append(seen)
            plan = next((p for p in self._plans if self._fits(p, seen)), None)
            if plan:
                plan.times -= 1
        return plan.fault(seen, lambda: self._answer(seen)) if plan else self._answer(seen)

    def _fits(self, plan: _Plan, seen: Seen) -> bool:
        if not plan.times or plan.method != seen.method or plan.contains not in seen.target:
            return False
        plan.skip -= 1
        return plan.skip < 0

    def ready(self, files: dict[str, bytes], export: str = "exp_ready") -> str:
        """An export that has succeeded with these files; its id."""
        self.files |= files
        self.exports[export] = self._export(export, "succeeded") | {"files": list(files)}
        return export

    def manifest(self, export: str) -> Row:
        """What a manifest lists now."""
        names = self.exports[export]["files"]
        entries = [self._entry(export, name) for name in names]
        schema = entries.pop() if names and names[-1].endswith("schema.json") else None
        size = sum(entry["bytes"] for entry in entries)
        window = REQUEST["window"]
        return {
            "version": 1, "export": export, "app": "app_waves", "request": REQUEST, "window": window, "rows": 1,
            "bytes": size, "files": entries, "schema": schema, "epoch": "e", "news": {"of": "a newer server"},
        }  # fmt: skip

    def _entry(self, export: str, name: str) -> Row:
        data = self.files[name]
        link = f"{self.public or self.url}/v1/exports/{export}/files/{name}?expires=9&signature=s{self.generation}"
        return {"name": name, "url": link, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "rows": 1}

    def _export(self, export: str, state: str, percent: int = 0) -> Row:
        done = "2026-01-02T03:04:05.678Z" if state not in ("queued", "running") else None
        progress = {"slices": 4, "slices_done": percent // 25, "percent": percent}
        return {
            "id": export, "app": "app_waves", "state": state, "progress": progress, "request": REQUEST, "error": None,
            "created_at": "2026-01-02T03:04:05.000Z", "finished_at": done, "expires_at": None, "color": "blue",
        }  # fmt: skip

    def _answer(self, seen: Seen) -> Reply:
        if seen.path in self.static:
            return self._bytes(seen, self.static[seen.path])
        if found := re.fullmatch(r"/v1/exports/([^/:]+)/files/([^/]+)", seen.path):
            return self._file(seen, unquote(found[2]))
        if seen.headers.get("authorization") != f"Bearer {TOKEN}":
            return _problem(401, "unauthorized", "Send a token.")
        if found := re.fullmatch(r"/v1/exports/([^/:]+)/manifest", seen.path):
            known = found[1] in self.exports
            return (
                _json(200, self.manifest(found[1])) if known else _problem(404, "not_found", "There is no such export.")
            )
        if seen.path.startswith("/v1/exports"):
            return self._of_exports(seen)
        return self._of_lists(seen)

    def _file(self, seen: Seen, name: str) -> Reply:
        signed = f"signature=s{self.generation}" in seen.target
        if "signature=" in seen.target and not signed:
            return _problem(403, "link_expired", "Fetch the manifest again.")
        if not signed and seen.headers.get("authorization") != f"Bearer {TOKEN}":
            return _problem(401, "unauthorized", "Send a token.")
        if name not in self.files:
            return _problem(404, "not_found", "There is no such file.")
        return self._bytes(seen, self.files[name])

    def _bytes(self, seen: Seen, data: bytes) -> Reply:
        etag = self.etag or f'"{hashlib.sha256(data).hexdigest()}"'
        headers = {"etag": etag} | ({"accept-ranges": "bytes"} if self.ranges else {})
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", seen.headers.get("range", ""))
        if not asked or not self.ranges or seen.headers.get("if-range", etag) != etag:
            return Reply(200, data, headers)
        start, stop = int(asked[1]), min(int(asked[2]) + 1, len(data))
        if start >= len(data):
            return Reply(416, b"", {"content-range": f"bytes */{len(data)}"})
        span = {"content-range": f"bytes {start}-{stop - 1}/{len(data)}"}
        return Reply(206, data[start:stop], headers | span)

    def _of_exports(self, seen: Seen) -> Reply:
        if seen.path == "/v1/exports:estimate":
            return _json(200, {"events": 20, "at_most": 30, "bytes": 4000, "seconds": 1.5})
        if seen.path == "/v1/exports":
            return (
                self._create(seen)
                if seen.method == "POST"
                else self._page(seen, list(self.exports.values()), "exports")
            )
        name, _, verb = seen.path.removeprefix("/v1/exports/").partition(":")
        if name not in self.exports:
            return _problem(404, "not_found", f"There is no export {name} for this token.")
        if verb:
            return self._make()
        if seen.method == "DELETE":
            self.exports[name] = self._export(name, "cancelled")
        elif self.states:
            state, percent = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            self.exports[name] |= {"files": list(self.files)} | self._export(name, state, percent)
        return _json(200, self.exports[name])

    def _create(self, seen: Seen) -> Reply:
        key = seen.headers.get("idempotency-key", "")
        if key not in self.keys:
            made = self._make()
            self.keys[key] = (seen.body, json.loads(made.body)["id"])
            return made
        body, export = self.keys[key]
        if body != seen.body:
            return _problem(422, "idempotency_mismatch", "Use another key.")
        return _json(202, self.exports[export], {"idempotent-replayed": "true"})

    def _make(self) -> Reply:
        export = f"exp_{len(self.exports)}"
        self.exports[export] = self._export(export, "queued") | {"files": list(self.files)}
        return _json(202, self.exports[export])

    def _of_lists(self, seen: Seen) -> Reply:
        _, _, plural, *rest = seen.path.split("/")
        plural, rows = plural.partition(":")[0], self.lists.setdefault(plural, [])
        if plural == "me":
            return _json(200, {"id": "usr_1", "email": "ana@example.com", "role": "admin"})
        if not rest and seen.method == "GET":
            return self._page(seen, rows, plural)
        if not rest:
            body = json.loads(seen.body)
            body |= {"password": True} if "password" in body else {}
            rows.append({"id": f"{plural}_{len(rows)}", "token": "tok_new"} | body)
            return _json(201, rows[-1])
        if seen.method == "DELETE":
            return Reply(204)
        return _json(200, {"id": rest[0].partition(":")[0], "token": "tok_newer"} | json.loads(seen.body or b"{}"))

    def _page(self, seen: Seen, rows: list[Row], plural: str) -> Reply:
        query = parse_qs(urlsplit(seen.target).query)
        start, limit = int(query.get("after", ["0"])[0]), int(query.get("limit", ["2"])[0])
        stop = start + min(limit, 2)
        return _json(200, {plural: rows[start:stop], "next": str(stop) if stop < len(rows) else None})


def _json(status: int, document: Any, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(document).encode(), headers or {})


def _problem(status: int, code: str, detail: str) -> Reply:
    return _json(status, {"status": status, "code": code, "detail": detail, "retryable": False, "where": "there"})


@contextmanager
def contract_server() -> Iterator[ContractServer]:
    """A server on a free port until the block ends."""
    server = ContractServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): text for name, text in self.headers.items()}
            reply = server.answer(Seen(self.command, self.path, headers, body))
            self.close_connection = True
            if reply is None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            self.close_connection = reply.cut is not None
            self.send_response(reply.status)
            for name, text in {"content-length": str(len(reply.body))}.items() | reply.headers.items():
                self.send_header(name, text)
            self.end_headers()
            if self.command != "HEAD":
                self._send(reply.body[: reply.cut])

        def _send(self, body: bytes) -> None:
            for at in range(0, len(body), 1 << 16):
                self.wfile.write(body[at : at + (1 << 16)])
                time.sleep(server.pace)

        do_GET = do_HEAD = do_POST = do_DELETE = do_PATCH = _serve  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, OSError, ValueError):
                return  # a client that was killed, or a connection that we broke

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                return

    class Listener(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    with Listener(("127.0.0.1", 0), Handler) as listener:
        server.url = f"http://127.0.0.1:{listener.server_address[1]}"
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
