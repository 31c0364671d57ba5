"""Questions to the database that wait for one another are asked together, so that many cost little more than one."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

_PAUSE_S = 0.003  # for what comes right after a set to gather; what comes after a pause is asked at once

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """Asks one set of questions at a time. What comes meanwhile makes up the next set.

    Nothing is remembered: each answer was found after its question came. `ask` is called in a thread of its own, with
    at most `most` questions, and answers those that have an answer.
    """

    def __init__(self, ask: Callable[[Collection[Question]], Mapping[Question, Answer]], most: int = 100) -> None:
        self._ask = ask
        self._most = most
        self._waiting: dict[Question, list[asyncio.Future[Answer | None]]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "together")  # begins with the first question

    async def answer(self, question: Question) -> Answer | None:
        """The answer, or None if there is none. Raises what asking raises."""
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(question, []).append(future)
        if self._asking is None:
            self._asking = asyncio.create_task(self._go_on())
        return await future

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

    async def _settle(self, now: "Mapping[Question, list[asyncio.Future[Answer | None]]]") -> None:
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, list(now))
        except Exception as error:
            for _, future in _waiting(now):
                future.set_exception(error)
        else:
            for question, future in _waiting(now):
                future.set_result(answers.get(question))


def _waiting(
    asked: "Mapping[Question, list[asyncio.Future[Answer]]]",
) -> "Iterator[tuple[Question, asyncio.Future[Answer]]]":
    """Those who have not gone meanwhile, each with the question."""
    return ((question, future) for question, futures in asked.items() for future in futures if not future.done())
