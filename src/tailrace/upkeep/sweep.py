"""Sweep: clean up after one app, in small steps that may end anywhere and are taken again by a later sweep.

Rows let go first: exports whose files have had their time, segments that nothing can read any more. Then the app's
objects are looked through, and what no row names and nobody can commit any more is deleted.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from msgspec import Struct
from sqlalchemy import Connection

from tailrace.config import UpkeepSettings
from tailrace.db.engine import Database
from tailrace.files.base import Files, Listed
from tailrace.model.access import Scope
from tailrace.model.points import point
from tailrace.upkeep.expiry import expire, let_files_go
from tailrace.upkeep.judging import garbage
from tailrace.upkeep.removed import let_segments_go

PAGE = 500  # objects

GoOn = Callable[[], None]  # raises when the sweep is to end
Step = Callable[[Database, Scope, int], int]  # with the grace in ms; how much it did
One = TypeVar("One")


class Sweeper(Struct, frozen=True):
    """What sweeping needs."""

    database: Database
    files: Files
    settings: UpkeepSettings


class Swept(Struct, frozen=True):
    """What one sweep did: exports that expired, rows that let their objects go, objects and bytes deleted, and what
    killed writers had left unfinished.
    """

    expired: int
    let_go: int
    objects: int
    bytes: int
    leftovers: int


def sweep(sweeper: Sweeper, scope: Scope, go_on: GoOn) -> Swept:
    """Clean up after an app. `go_on` is called before each step and raises to end the sweep."""
    expired = _repeated(sweeper, scope, expire, go_on)
    let_go = sum(_repeated(sweeper, scope, step, go_on) for step in (let_files_go, let_segments_go))
    sizes = [found.bytes for found in _delete_garbage(sweeper, scope, go_on)]
    return Swept(expired, let_go, len(sizes), sum(sizes), _abort_leftovers(sweeper, scope, go_on))


def _repeated(sweeper: Sweeper, scope: Scope, step: Step, go_on: GoOn) -> int:
    """A step until there is nothing left for it to do."""
    total = 0
    while True:
        go_on()
        done = step(sweeper.database, scope, sweeper.settings.grace_ms)
        if not done:
            return total
        total += done


def _delete_garbage(sweeper: Sweeper, scope: Scope, go_on: GoOn) -> Iterator[Listed]:
    for page in pages(sweeper.files.list(scope.prefix)):
        go_on()
        for found in garbage(sweeper.database, scope, page, sweeper.settings.grace_ms):
            go_on()
            sweeper.files.delete(found.key)
            yield found
            point("sweep.between_deletes")


def _abort_leftovers(sweeper: Sweeper, scope: Scope, go_on: GoOn) -> int:
    """What never got its name is read by nobody and named by no row: only its writer's fence matters."""
    count = 0
    for page in pages(sweeper.files.unfinished(scope.prefix)):
        go_on()
        shown = [Listed(one.key, 0, one.begun_ms) for one in page]
        over = set(garbage(sweeper.database, scope, shown, 0, named=_none_named))
        for one, listed in zip(page, shown, strict=True):
            if listed in over:
                go_on()
                sweeper.files.abort(one)
                count += 1
    return count


def _none_named(_connection: Connection, _scope: Scope, _keys: Collection[str], _exports: Collection[str]) -> set[str]:
    return set()


def pages(found: Iterable[One]) -> Iterator[Sequence[One]]:
    """A listing, some at a time."""
    rest = iter(found)
    while page := list(islice(rest, PAGE)):
        yield page
