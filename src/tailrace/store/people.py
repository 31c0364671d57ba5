"""People: what is known of users by their numbers, as of a commit: what they said, under what was set of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from tailrace.db.engine import Database
from tailrace.db.tables import actors, owned, profiles
from tailrace.model.access import Scope


@dataclass(frozen=True, slots=True)
class Person:
    """A user's number in the app, the user id that was last seen, and the profile as a JSON text."""

    number: int
    user_id: str | None
    text: str


def people_at(database: Database, scope: Scope, seq: int, first: int, last: int) -> Sequence[Person]:
    """Those of some users of whom something is known, by number; numbers with both ends."""
    with database.read() as connection:
        return _said(connection, scope, seq, first, last)


def _said(connection: Connection, scope: Scope, seq: int, first: int, last: int) -> list[Person]:
    others = profiles.alias()
    same = and_(owned(others, scope), others.c.actor == profiles.c.actor, others.c.seq <= seq)
    newest = select(func.max(others.c.seq)).where(same).correlate(profiles).scalar_subquery()
    of_actor = and_(owned(profiles, scope), profiles.c.actor == actors.c.actor, profiles.c.seq == newest)
    query = (
        select(actors.c.number, profiles.c.user_id, profiles.c.profile)
        .join_from(actors, profiles, of_actor)
        .where(owned(actors, scope), actors.c.number >= first, actors.c.number <= last)
        .order_by(actors.c.number)
    )
    return [Person(row.number, row.user_id, row.profile) for row in connection.execute(query)]
