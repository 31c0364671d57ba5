"""The two ways to take steps: plainly, and under asyncio. All that differs between the clients is here."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Protocol

import httpx

from tailrace.client.calls import Answer, Call, Lost, Pause, Request, Steps, T, T_co
from tailrace.client.session import Session

_CONNECT_S = 10.0


class Page(Protocol[T_co]):
    """Some of a list."""

    @property
    def items(self) -> Sequence[T_co]:
        """What is on this page."""

    @property
    def next(self) -> str | None:
        """Where the next page begins; None on the last."""


Turn = Callable[[str | None], Call["Page[T]"]]  # where a page begins -> the call for it


class SyncRunner:
    """Takes steps one after the other."""

    def __init__(self, session: Session, http: httpx.Client) -> None:
        self.session = session
        self.http = http

    def run(self, steps: Steps[T]) -> T:
        """All steps; what they come to."""
        came: Answer | Lost | None = None
        try:
            while True:
                step = steps.send(came)
                came = self._take(step)
        except StopIteration as done:
            found: T = done.value
            return found

    def pages(self, turn: "Turn[T]") -> Iterator[T]:
        """Everything on all pages."""
        after: str | None = None
        while True:
            page = self.run(self.session.perform(turn(after)))
            yield from page.items
            if (after := page.next) is None:
                return

    def rest(self, seconds: float) -> None:
        """Do nothing for a while."""
        time.sleep(seconds)

    def _take(self, step: Request | Pause) -> Answer | Lost | None:
        if isinstance(step, Request):
            return self._send(step)
        self.rest(step.seconds)
        return None

    def _send(self, request: Request) -> Answer | Lost:
        try:
            return _answer(self.http.send(_wire(self.http, request)))
        except httpx.RequestError as error:
            return _lost(request, error)


class AsyncRunner:
    """Takes steps while others take theirs."""

    def __init__(self, session: Session, http: httpx.AsyncClient) -> None:
        self.session = session
        self.http = http

    async def run(self, steps: Steps[T]) -> T:
        """All steps; what they come to."""
        came: Answer | Lost | None = None
        try:
            while True:
                step = steps.send(came)
                came = await self._take(step)
        except StopIteration as done:
            found: T = done.value
            return found

    async def pages(self, turn: "Turn[T]") -> AsyncIterator[T]:
        """Everything on all pages."""
        after: str | None = None
        while True:
            page = await self.run(self.session.perform(turn(after)))
            for item in page.items:
                yield item
            if (after := page.next) is None:
                return

    async def _take(self, step: Request | Pause) -> Answer | Lost | None:
        if isinstance(step, Request):
            return await self._send(step)
        await asyncio.sleep(step.seconds)
        return None

    async def _send(self, request: Request) -> Answer | Lost:
        try:
            return _answer(await self.http.send(_wire(self.http, request)))
        except httpx.RequestError as error:
            return _lost(request, error)


def said(error: httpx.RequestError) -> str:
    """What an error says, or what it is: some say nothing."""
    return str(error) or type(error).__name__


def timeout_of(silence: float) -> httpx.Timeout:
    """How long to wait for a connection, and for what comes over it (s)."""
    return httpx.Timeout(silence, connect=min(_CONNECT_S, silence))


def _wire(http: "httpx.Client | httpx.AsyncClient", request: Request) -> httpx.Request:
    return http.build_request(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.body,
        timeout=timeout_of(request.timeout),
    )


def _answer(response: httpx.Response) -> Answer:
    return Answer(
        response.status_code, {name.lower(): text for name, text in response.headers.items()}, response.content
    )


def _lost(request: Request, error: httpx.RequestError) -> Lost:
    where = request.url.partition("?")[0]
    return Lost(f"{request.method} {where} has no answer: {said(error)}")


class QuietLinks(logging.Filter):
    """Takes the queries of signed links out of what httpx logs: whoever reads the log could download with them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes."""
        if isinstance(record.args, tuple):
            record.args = tuple(_quiet(value) for value in record.args)
        return True


def _quiet(value: object) -> object:
    return value.copy_with(query=b"") if isinstance(value, httpx.URL) and b"signature=" in value.query else value
