"""Methods that are written once and belong to both clients.

A group such as `client.exports` holds them as values; what is read from a group is bound to the group's runner: a
plain function on a `Client`, a coroutine function on an `AsyncClient`.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from tailrace.client.calls import Call, Steps, T
from tailrace.client.runners import AsyncRunner, Page, SyncRunner
from tailrace.client.session import Session

P = ParamSpec("P")
R = TypeVar("R", SyncRunner, AsyncRunner)


class Group(Generic[R]):
    """Methods about one thing."""

    def __init__(self, runner: R) -> None:
        self.runner: R = runner


class Method(Generic[P, T]):
    """Some steps with a result."""

    def __init__(self, steps: Callable[Concatenate[Session, P], Steps[T]]) -> None:
        self._steps = steps

    @overload
    def __get__(self, group: Group[SyncRunner], owner: object) -> Callable[P, T]: ...
    @overload
    def __get__(self, group: Group[AsyncRunner], owner: object) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, group: Any, owner: object) -> Any:
        """The method of a group."""
        return _named(lambda *a, **k: group.runner.run(self._steps(group.runner.session, *a, **k)), self._steps)


class Listing(Generic[P, T]):
    """A call for one page, asked for page by page: an iterator over what is on them all."""

    def __init__(self, turn: Callable[Concatenate[str | None, P], Call[Page[T]]]) -> None:
        self._turn = turn

    @overload
    def __get__(self, group: Group[SyncRunner], owner: object) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, group: Group[AsyncRunner], owner: object) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, group: Any, owner: object) -> Any:
        """The method of a group."""
        return _named(lambda *a, **k: group.runner.pages(lambda after: self._turn(after, *a, **k)), self._turn)


def one(call: Callable[P, Call[T]]) -> Method[P, T]:
    """A method that is one call."""

    @wraps(call)
    def steps(session: Session, *arguments: P.args, **keywords: P.kwargs) -> Steps[T]:
        return session.perform(call(*arguments, **keywords))

    return Method(cast("Callable[Concatenate[Session, P], Steps[T]]", steps))


def _named(bound: Callable[..., Any], made_of: Callable[..., Any]) -> Callable[..., Any]:
    bound.__name__ = made_of.__name__
    bound.__doc__ = made_of.__doc__
    return bound
