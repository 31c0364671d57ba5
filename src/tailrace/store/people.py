"""People: what is known of users by their numbers, as of a commit: what they said, under what was set of them."""

from collections.abc import Iterator, Sequence
from itertools import starmap
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, func, select

from tailrace.db.engine import Database
from tailrace.db.tables import actors, owned, profile_edits, profiles
from tailrace.model.access import Scope
from tailrace.model.people import Person
from tailrace.store.edits import over


def people_at(database: Database, scope: Scope, seq: int, first: int, last: int) -> Sequence[Person]:
    """Those of some users of whom something is known, by number; numbers with both ends."""
    range_ = and_(actors.c.number >= first, actors.c.number <= last)
    with database.read() as connection:
        return _people(connection, scope, seq, range_)


def person_at(connection: Connection, scope: Scope, seq: int, actor: bytes) -> Person | None:
    """A user of whom something is known, who was sealed before."""
    found = _people(connection, scope, seq, actors.c.actor == actor)
    return found[0] if found else None


def actors_with(connection: Connection, scope: Scope, user_id: str, most: int) -> list[bytes]:
    """Actors that were ever seen with a user id beside their device's, in no order."""
    mine = owned(profiles, scope), profiles.c.user_id == user_id
    return list(connection.scalars(select(profiles.c.actor).where(*mine).distinct().limit(most)))


def actor_numbered(connection: Connection, scope: Scope, number: int) -> bytes | None:
    """The actor that has a number in its app."""
    found: bytes | None = connection.scalar(
        select(actors.c.actor).where(owned(actors, scope), actors.c.number == number)
    )
    return found


def _people(connection: Connection, scope: Scope, seq: int, which: ColumnElement[bool]) -> list[Person]:
    """What they said, under what was set of them."""
    found = {person.number: person for person in _said(connection, scope, seq, which)}
    for number, edit in _edits(connection, scope, seq, which):
        said = found.get(number, Person(number, None, "{}"))
        found[number] = Person(number, said.user_id, over(edit, said.text))
    return [found[number] for number in sorted(found)]


def _said(connection: Connection, scope: Scope, seq: int, which: ColumnElement[bool]) -> Iterator[Person]:
    query = _newest(profiles, scope, seq, which, profiles.c.user_id, profiles.c.profile)
    return starmap(Person, connection.execute(query))


def _edits(connection: Connection, scope: Scope, seq: int, which: ColumnElement[bool]) -> Iterator[tuple[int, str]]:
    query = _newest(profile_edits, scope, seq, which, profile_edits.c.edit)
    return ((number, edit) for number, edit in connection.execute(query))


def _newest(table: Table, scope: Scope, seq: int, which: ColumnElement[bool], *columns: Any) -> Select[Any]:
    """The last version up to a seq of each of some actors, by their numbers."""
    others = table.alias()
    same = and_(owned(others, scope), others.c.actor == table.c.actor, others.c.seq <= seq)
    last = select(func.max(others.c.seq)).where(same).correlate(table).scalar_subquery()
    of_actor = and_(owned(table, scope), table.c.actor == actors.c.actor, table.c.seq == last)
    query: Select[Any] = select(actors.c.number, *columns).join_from(actors, table, of_actor)
    return query.where(owned(actors, scope), which)
