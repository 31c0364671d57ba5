"""Numbers for names that dialects show as ids: app versions and event names, allocated once, kept for ever."""

from collections.abc import Collection, Iterable
from typing import Literal

from msgspec import Struct
from sqlalchemy import Connection, insert, select, update

from tailrace.db.tables import catalogue, owned, owner
from tailrace.model.access import Scope
from tailrace.model.errors import Invalid

NameKind = Literal["version", "event"]


class KnownEvent(Struct, frozen=True):
    """An event name that an app has sent; a `blocked` one is unknown to dialects that know of such a switch."""

    number: int
    name: str
    blocked: bool


def learn(connection: Connection, scope: Scope, kind: NameKind, names: Iterable[str]) -> None:
    """Give a number to each name that has none. The caller holds the app's head, so no other process does."""
    known = {name for name, _ in numbered(connection, scope, kind)}
    new = sorted(set(names) - known)
    if new:
        connection.execute(insert(catalogue), [owner(scope) | {"kind": kind, "name": name} for name in new])


def numbered(connection: Connection, scope: Scope, kind: NameKind) -> list[tuple[str, int]]:
    """All names of a kind with their numbers."""
    rows = connection.execute(
        select(catalogue.c.name, catalogue.c.number)
        .where(owned(catalogue, scope), catalogue.c.kind == kind)
        .order_by(catalogue.c.number)
    )
    return [(row.name, row.number) for row in rows]


def names_of(
    connection: Connection, scope: Scope, kind: NameKind, numbers: Collection[int], where: str
) -> tuple[str, ...]:
    """The names that have some numbers; `where` is how the request calls these.

    Raises:
        Invalid: the app has no name of a number.
    """
    if not numbers:
        return ()
    names = {number: name for name, number in numbered(connection, scope, kind)}
    if missing := sorted(set(numbers) - names.keys()):
        raise Invalid(where, f"has ids that are not of this app: {', '.join(map(str, missing))}")
    return tuple(sorted(names[number] for number in set(numbers)))


def known_events(
    connection: Connection, scope: Scope, *, before: int | None = None, most: int | None = None
) -> list[KnownEvent]:
    """Event names of an app, the newest first: all, or those older than a number."""
    query = select(catalogue).where(owned(catalogue, scope), catalogue.c.kind == "event")
    if before is not None:
        query = query.where(catalogue.c.number < before)
    rows = connection.execute(query.order_by(catalogue.c.number.desc()).limit(most))
    return [KnownEvent(row.number, row.name, row.blocked) for row in rows]


def set_blocked(connection: Connection, scope: Scope, name: str, *, blocked: bool) -> KnownEvent | None:
    """Turn the switch of an event; None if the app has never sent it."""
    mine = owned(catalogue, scope), catalogue.c.kind == "event", catalogue.c.name == name
    changed = update(catalogue).where(*mine).values(blocked=blocked).returning(catalogue.c.number)
    number: int | None = connection.scalar(changed)
    return None if number is None else KnownEvent(number, name, blocked)
