"""Numbers for names that dialects show as ids: app versions and event names, allocated once, kept for ever."""

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import Connection, insert, select

from tailrace.db.tables import catalogue, owned, owner
from tailrace.model.access import Scope

NameKind = Literal["version", "event"]


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
