"""Questions to the database that wait for one another are asked together, so that many cost little more than one."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

_PAUSE_S = 0.003  # for what comes right after a set to gather; what comes after a pause is asked at once

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """Asks one set of questions at a time. What comes meanwhile makes up the next set.

    Nothing is remembered: each answer was found after its question came. `ask` is called in a thread, with at most
    `most` questions, and answers those that have an answer.
    """

    def __init__(self, ask: Callable[[Collection[Question]], Mapping[Question, Answer]], most: int = 100) -> None:
        self._ask = ask
        self._most = most
        self._waiting: dict[Question, asyncio.Future[Answer | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def answer(self, question: Question) -> Answer | None:
        """The answer, or None if there is none. Raises what asking raises."""
        future = self._waiting.get(question)
        if future is None:
            future = self._waiting[question] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._go_on())
        return await asyncio.shield(future)  # others wait for it too

    async def _go_on(self) -> None:
        try:
            while self._waiting:
                now = dict(list(self._waiting.items())[: self._most])
                for question in now:
                    del self._waiting[question]
                await self._settle(now)
                await asyncio.sleep(_PAUSE_S)
        finally:
            self._asking = None

    async def _settle(self, now: Mapping[Question, "asyncio.Future[Answer | None]"]) -> None:
        try:
            answers = await run_in_threadpool(self._ask, list(now))
        except Exception as error:
            for future in now.values():
                future.set_exception(error)
                future.exception()  # whoever asked may have gone
        else:
            for question, future in now.items():
                future.set_result(answers.get(question))
