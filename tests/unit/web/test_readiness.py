"""Readiness: what does not work is named, nobody waits for long, and asking often costs nothing."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from tailrace.web import readiness
from tailrace.web.readiness import STOPPING, Readiness


def fail() -> None:
    raise OSError("secret-host refused")


def test_what_does_not_work_is_named() -> None:
    """A check fails by False or by whatever error; names alone are told."""
    checks: dict[str, Callable[[], object]] = {"a": lambda: None, "b": lambda: False, "c": fail, "d": lambda: True}
    assert asyncio.run(Readiness(checks).missing()) == ["b", "c"]


def test_answers_are_kept_and_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many who ask at once, and soon after, cost one look; later there is another."""
    calls: list[int] = []
    ready = Readiness({"a": lambda: calls.append(1)})

    async def ask() -> None:
        await asyncio.gather(*(ready.missing() for _ in range(20)))
        await ready.missing()
        assert len(calls) == 1
        monkeypatch.setattr(ready, "_until", 0.0)
        await ready.missing()
        assert len(calls) == 2

    asyncio.run(ask())


def test_what_hangs_is_not_ready_and_holds_one_thread() -> None:
    """What does not answer is named after a while, and is not asked again before it has answered."""
    go_on, calls = threading.Event(), []

    def hang() -> None:
        calls.append(1)
        assert go_on.wait(30)

    ready = Readiness({"slow": hang}, patience_s=0.01)

    async def ask() -> None:
        for _ in range(3):
            ready._until = 0.0
            assert await ready.missing() == ["slow"]
        assert len(calls) == 1
        go_on.set()
        await ready._looks["slow"]
        ready._until, ready._patience_s = 0.0, readiness.PATIENCE_S
        assert await ready.missing() == []

    asyncio.run(ask())


def test_who_stops_is_never_ready_again() -> None:
    """Even though an answer is still fresh."""
    ready = Readiness({"a": lambda: None})

    async def ask() -> None:
        assert await ready.missing() == []
        ready.stop()
        assert await ready.missing() == (STOPPING,)

    asyncio.run(ask())
