"""Sealed sessions and their actors: what a seal must know to place late events and to number actors."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, and_, insert, not_, select, tuple_, update

from tailrace.db.engine import Database
from tailrace.db.tables import actors, app_heads, owned, owner, sessions
from tailrace.db.upserts import insert_into
from tailrace.model.access import Scope

_CHUNK = 400  # with two parameters an item below every database's limit of parameters in one statement
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class SealedSession:
    """A session of which at least one fragment is committed. Times in ms.

    Its start never changes; `earliest` is the time of its first event, which a late one may have put before the start.
    """

    actor: bytes
    number: int
    session_id: str
    generated: bool
    ended: bool
    earliest: int
    start: int
    end: int
    fragments: int
    segment: int


@dataclass(frozen=True, slots=True)
class Actor:
    """Number of an actor in its app, and the time of its first event as known at its first seal."""

    number: int
    first_seen: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sealed sessions can matter to a seal.

    Those with an actor and an id of `named`; and sessions without a sender's id of the actors `nameless` that reach
    into ``earliest..latest`` (ms).
    """

    named: Sequence[tuple[bytes, str]]
    nameless: Sequence[bytes]
    earliest: int
    latest: int


def sealed_sessions(connection: Connection, scope: Scope, wanted: Wanted) -> list[SealedSession]:
    """The sealed sessions that late events could join, in order of start. An actor may have any number of others."""
    mine = owned(sessions, scope)
    found: list[SealedSession] = []
    for pairs in _chunks(wanted.named):
        same = tuple_(sessions.c.actor, sessions.c.session_id).in_(pairs)
        found += _read(connection, and_(mine, same, not_(sessions.c.generated)))
    near = and_(sessions.c.generated, sessions.c.end >= wanted.earliest, sessions.c.start <= wanted.latest)
    for hashes in _chunks(wanted.nameless):
        found += _read(connection, and_(mine, sessions.c.actor.in_(hashes), near))
    return sorted(found, key=lambda session: (session.start, session.number))


def _read(connection: Connection, which: ColumnElement[bool]) -> list[SealedSession]:
    return [
        SealedSession(
            actor=row.actor,
            number=row.number,
            session_id=row.session_id,
            generated=row.generated,
            ended=row.ended,
            earliest=row.earliest,
            start=row.start,
            end=row.end,
            fragments=row.fragments,
            segment=row.segment,
        )
        for row in connection.execute(select(sessions).where(which))
    ]


def insert_sessions(connection: Connection, scope: Scope, new: Sequence[SealedSession]) -> None:
    """Remember sessions whose first fragment this transaction commits."""
    if new:
        rows = [
            owner(scope)
            | {
                "actor": s.actor,
                "number": s.number,
                "session_id": s.session_id,
                "generated": s.generated,
                "ended": s.ended,
                "earliest": s.earliest,
                "start": s.start,
                "end": s.end,
                "fragments": s.fragments,
                "segment": s.segment,
            }
            for s in new
        ]
        connection.execute(insert(sessions), rows)


def grow_sessions(connection: Connection, scope: Scope, grown: Sequence[SealedSession]) -> None:
    """Remember the new ends and fragment counts of sessions that late events joined."""
    for session in grown:
        connection.execute(
            update(sessions)
            .where(owned(sessions, scope), sessions.c.actor == session.actor, sessions.c.number == session.number)
            .values(end=session.end, fragments=session.fragments, ended=session.ended, earliest=session.earliest)
        )


def number_actors(database: Database, scope: Scope, first_seen: Mapping[bytes, int]) -> dict[bytes, Actor]:
    """Numbers of actors, allocated from 1 where they are new. A crash afterwards only leaves a number unused."""
    with database.read() as connection:
        known = _actors(connection, scope, first_seen)
    new = sorted(hash_ for hash_ in first_seen if hash_ not in known)
    if not new:
        return known
    with database.write() as connection:
        last = connection.scalar(
            update(app_heads)
            .where(owned(app_heads, scope))
            .values(actors=app_heads.c.actors + len(new))
            .returning(app_heads.c.actors)
        )
        first = (last or 0) - len(new) + 1
        rows = [
            owner(scope) | {"actor": hash_, "number": first + place, "first_seen": first_seen[hash_]}
            for place, hash_ in enumerate(new)
        ]
        connection.execute(insert_into(connection, actors).on_conflict_do_nothing(), rows)
        return known | _actors(connection, scope, new)


def _actors(connection: Connection, scope: Scope, hashes: Iterable[bytes]) -> dict[bytes, Actor]:
    found: dict[bytes, Actor] = {}
    for chunk in _chunks(hashes):
        rows = connection.execute(select(actors).where(owned(actors, scope), actors.c.actor.in_(chunk)))
        found.update((row.actor, Actor(row.number, row.first_seen)) for row in rows)
    return found


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    everything = list(items)
    for start in range(0, len(everything), _CHUNK):
        yield everything[start : start + _CHUNK]
