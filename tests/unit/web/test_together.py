"""Questions that wait are asked together, and each is answered by what was found after it came."""

import asyncio
import threading
from collections.abc import Collection, Coroutine

import pytest

from tailrace.web.together import Together


class Book:
    """Answers by length, in a thread; the first set waits until it may go on."""

    def __init__(self) -> None:
        self.sets: list[list[str]] = []
        self.asked = threading.Event()
        self.go_on = threading.Event()

    def ask(self, questions: Collection[str]) -> dict[str, int]:
        self.sets.append(sorted(questions))
        if len(self.sets) == 1:
            self.asked.set()
            assert self.go_on.wait(30)
        if "bad" in questions:
            raise LookupError("bad")
        return {question: len(question) for question in questions if question}


def run(story: Coroutine[object, object, None]) -> None:
    """Tell it on a loop of its own."""
    asyncio.run(story)


async def first(book: Book, together: Together[str, int]) -> "asyncio.Task[int | None]":
    """A question that is being asked while others come."""
    task = asyncio.create_task(together.answer("first"))
    await asyncio.to_thread(book.asked.wait, 30)
    return task


def test_what_comes_while_others_are_asked_is_the_next_set() -> None:
    """Many questions make two sets, equal ones are asked once, and what has no answer has None."""

    async def story() -> None:
        book = Book()
        together = Together(book.ask)
        one = await first(book, together)
        more = [asyncio.create_task(together.answer(text)) for text in ("aa", "b", "aa", "", "first")]
        await asyncio.sleep(0)
        book.go_on.set()
        assert await one == 5
        assert await asyncio.gather(*more) == [2, 1, 2, None, 5]
        assert book.sets == [["first"], ["", "aa", "b", "first"]], "the second `first` came later, so it is asked again"
        assert await together.answer("later") == 5
        assert len(book.sets) == 3

    run(story())


def test_a_set_has_a_largest_size() -> None:
    """More questions than fit wait for the set after."""

    async def story() -> None:
        book = Book()
        together = Together(book.ask, most=2)
        one = await first(book, together)
        more = [asyncio.create_task(together.answer("x" * n)) for n in range(1, 6)]
        await asyncio.sleep(0)
        book.go_on.set()
        assert await one == 5
        assert await asyncio.gather(*more) == [1, 2, 3, 4, 5]
        assert [len(questions) for questions in book.sets] == [1, 2, 2, 1]

    run(story())


def test_a_failure_is_that_of_its_set_alone() -> None:
    """Those who were asked together are told; those who come later are answered. One who goes takes nobody along."""

    async def story() -> None:
        book = Book()
        together = Together(book.ask)
        one = await first(book, together)
        failing = [asyncio.create_task(together.answer(text)) for text in ("bad", "good")]
        gone = asyncio.create_task(together.answer("good"))
        await asyncio.sleep(0)
        gone.cancel()
        book.go_on.set()
        assert await one == 5
        for task in failing:
            with pytest.raises(LookupError, match="bad"):
                await task
        assert await together.answer("good") == 4

    run(story())
