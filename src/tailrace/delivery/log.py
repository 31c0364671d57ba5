"""The delivery log: every attempt, and what came of it."""

from typing import Literal

from msgspec import Struct
from sqlalchemy import Connection, insert, select

from tailrace.db.tables import delivery_attempts, owned, owner
from tailrace.model.access import Scope

Outcome = Literal["delivered", "failed", "void", "again"]


class Tried(Struct, frozen=True):
    """An attempt, from `at` on for `ms`; `why` it did not go well."""

    at: int
    ms: int
    outcome: Outcome
    why: str | None


def note_attempt(
    connection: Connection, scope: Scope, delivery: str, at: int, ms: int, outcome: Outcome, why: str | None
) -> None:
    """Add an attempt, in the transaction of what it changed."""
    row = owner(scope) | {"delivery": delivery, "at": at, "ms": max(ms, 0), "outcome": outcome, "why": why}
    connection.execute(insert(delivery_attempts).values(row))


def attempts_of(connection: Connection, scope: Scope, delivery: str) -> list[Tried]:
    """All attempts of a delivery, in order."""
    query = select(delivery_attempts).where(owned(delivery_attempts, scope), delivery_attempts.c.delivery == delivery)
    rows = connection.execute(query.order_by(delivery_attempts.c.number))
    return [Tried(row.at, row.ms, row.outcome, row.why) for row in rows]
