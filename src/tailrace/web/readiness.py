"""Readiness: whether this process can do its work just now, found out seldom and told often."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

from tailrace.logs import log

STOPPING = "stopping"
FRESH_S = 1.0  # how long an answer is good for whoever asks next
PATIENCE_S = 2.0  # what has not answered by then does not work

Check = Callable[[], object]  # False, or an error: it does not work


class Readiness:
    """Looks at things by name, each in one thread at most, however long it takes."""

    def __init__(self, checks: Mapping[str, Check], patience_s: float = PATIENCE_S) -> None:
        self._checks = checks
        self._patience_s = patience_s
        self._looks: dict[str, asyncio.Future[bool]] = {}
        self._round: asyncio.Future[Sequence[str]] | None = None
        self._until = 0.0
        self._missing: Sequence[str] = ()
        self._stopping = False

    def stop(self) -> None:
        """Never be ready again: this process is to end."""
        self._stopping = True

    async def missing(self) -> Sequence[str]:
        """The names of what does not work; nothing when all is well."""
        if self._stopping:
            return (STOPPING,)
        if time.monotonic() < self._until:
            return self._missing
        if self._round is None or self._round.done():
            self._round = asyncio.ensure_future(self._look())
        return await asyncio.shield(self._round)

    async def _look(self) -> Sequence[str]:
        looks = [self._begun(name) for name in self._checks]
        await asyncio.wait(looks, timeout=self._patience_s)
        found = [name for name, look in zip(self._checks, looks, strict=True) if not (look.done() and look.result())]
        if found != list(self._missing):
            log.warning("ready.changed", ready=not found, missing=",".join(found))
        self._missing, self._until = found, time.monotonic() + FRESH_S
        return found

    def _begun(self, name: str) -> "asyncio.Future[bool]":
        """A look at one thing, unless one is still on its way."""
        known = self._looks.get(name)
        if known is None or known.done():
            known = asyncio.ensure_future(run_in_threadpool(_works, self._checks[name]))
            self._looks[name] = known
        return known


def _works(check: Callable[[], Any]) -> bool:
    try:
        return check() is not False
    except Exception:
        return False
