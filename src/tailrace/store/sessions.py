"""Sealed sessions and their actors: what a seal must know to place late events and to number actors."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from msgspec import Struct, field
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, insert, not_, select, tuple_, update

from tailrace.db.engine import Database
from tailrace.db.many import execute_many
from tailrace.db.tables import actors, app_heads, owned, owner, sessions
from tailrace.db.upserts import insert_into
from tailrace.model.access import Scope
from tailrace.store.chunks import chunks

_ACTOR = [column for column in actors.c if column is not actors.c.names]


class SealedSession(Struct, frozen=True):
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


class Tally(Struct, frozen=True):
    """How much of an actor was sealed; `duration_ms` is the time in its sessions."""

    events: int = 0
    sessions: int = 0
    states: int = 0
    duration_ms: int = 0


class Actor(Struct, frozen=True):
    """Number of an actor in its app, and the time of its first event as known at its first seal.

    `profiled` is the seq of the newest version of its profile; 0 if there is none.
    """

    number: int
    first_seen: int
    tally: Tally = field(default_factory=Tally)
    profiled: int = 0


class Wanted(Struct, frozen=True):
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
    for pairs in chunks(wanted.named):
        same = tuple_(sessions.c.actor, sessions.c.session_id).in_(pairs)
        found += _read(connection, and_(mine, same, not_(sessions.c.generated)))
    near = and_(sessions.c.generated, sessions.c.end >= wanted.earliest, sessions.c.start <= wanted.latest)
    for hashes in chunks(wanted.nameless):
        found += _read(connection, and_(mine, sessions.c.actor.in_(hashes), near))
    return sorted(found, key=lambda session: (session.start, session.number))


def latest_sessions(connection: Connection, scope: Scope, actor: bytes, most: int) -> list[SealedSession]:
    """The sealed sessions of an actor that ended last, the newest first."""
    mine = select(sessions).where(owned(sessions, scope), sessions.c.actor == actor)
    newest = mine.order_by(sessions.c.end.desc(), sessions.c.number.desc()).limit(most)
    return [_session(row) for row in connection.execute(newest)]


def _read(connection: Connection, which: ColumnElement[bool]) -> list[SealedSession]:
    return [_session(row) for row in connection.execute(select(sessions).where(which))]


def _session(row: "Row[Any]") -> SealedSession:
    return SealedSession(
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


def insert_sessions(connection: Connection, scope: Scope, new: Sequence[SealedSession]) -> None:
    """Remember sessions whose first fragment this transaction commits."""
    names = SealedSession.__struct_fields__
    execute_many(connection, insert(sessions).values(owner(scope)), names, map(attrgetter(*names), new))


def grow_sessions(connection: Connection, scope: Scope, grown: Sequence[SealedSession]) -> None:
    """Remember the new ends and fragment counts of sessions that late events joined."""
    if not grown:
        return
    changed = ("end", "fragments", "ended", "earliest")
    same = and_(sessions.c.actor == bindparam("of_actor"), sessions.c.number == bindparam("of_number"))
    grow = update(sessions).where(owned(sessions, scope), same).values({n: bindparam(f"new_{n}") for n in changed})
    rows = [{"of_actor": s.actor, "of_number": s.number} | {f"new_{n}": getattr(s, n) for n in changed} for s in grown]
    connection.execute(grow, rows)


def number_actors(database: Database, scope: Scope, first_seen: Mapping[bytes, int]) -> dict[bytes, Actor]:
    """Numbers of actors, allocated from 1 where they are new. A crash afterwards only leaves a number unused."""
    with database.read() as connection:
        known = known_actors(connection, scope, first_seen)
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
        add = insert_into(connection, actors).values(owner(scope)).on_conflict_do_nothing()
        rows = ((hash_, first + place, first_seen[hash_]) for place, hash_ in enumerate(new))
        execute_many(connection, add, ("actor", "number", "first_seen"), rows)
        return known | known_actors(connection, scope, new)


def known_actors(connection: Connection, scope: Scope, hashes: Iterable[bytes]) -> dict[bytes, Actor]:
    """Those of some actors that were sealed before."""
    found: dict[bytes, Actor] = {}
    for chunk in chunks(hashes):
        rows = connection.execute(select(*_ACTOR).where(owned(actors, scope), actors.c.actor.in_(chunk)))
        for row in rows:
            tally = Tally(row.events, row.sessions, row.states, row.duration_ms)
            found[row.actor] = Actor(row.number, row.first_seen, tally, row.profiled)
    return found
