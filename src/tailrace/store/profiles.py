"""Profiles: what is known of each actor, a version per commit that changed it; and how much of it was sealed.

Versions hold what people said, so that a reader of a snapshot sees the user as of then. Counts are only ever added to:
they are of now, and belong to the seal of the actor's shard.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from sqlalchemy import (
    Cast,
    Connection,
    LargeBinary,
    and_,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    update,
)

from tailrace.db.many import execute_many
from tailrace.db.tables import actors, owned, owner, profiles
from tailrace.model.access import Scope
from tailrace.store.chunks import CHUNK, chunks
from tailrace.store.joins import Pair, join
from tailrace.store.sessions import Tally

LONGEST = 32 << 10  # bytes of a profile's text
MOST_NAMES = 500  # event names of an actor that are remembered

Hashes = npt.NDArray[np.uint64]
_WRITTEN_AT_ONCE = 10 * CHUNK
_COUNTS = tuple(Tally.__struct_fields__)


class Profile(Struct, frozen=True):
    """A version of a profile: `text` is a JSON object, `user_id` the user id that the actor was last seen with."""

    seq: int
    user_id: str | None
    text: str


class Growth(Struct, frozen=True):
    """What a seal adds to an actor: `names` are hashes of event names, 8 bytes each.

    `profiled` says that its profile has a new version.
    """

    actor: bytes
    tally: Tally
    names: bytes
    profiled: bool


class Version(Struct, frozen=True):
    """A new version of an actor's profile."""

    actor: bytes
    user_id: str | None
    text: str


class Changes(Struct, frozen=True):
    """What one seal changes. Growths and versions are read once, some at a time; pairs are actors to join."""

    growths: Iterable[Growth] = ()
    versions: Iterable[Version] = ()
    pairs: Sequence[Pair] = ()


def profiles_at(connection: Connection, scope: Scope, seq: int, of: Iterable[bytes]) -> dict[bytes, Profile]:
    """The last version up to a seq of each actor that has one. Each is `LONGEST` bytes at most."""
    others = profiles.alias()
    same = and_(owned(others, scope), others.c.actor == profiles.c.actor, others.c.seq <= seq)
    last = select(func.max(others.c.seq)).where(same).correlate(profiles).scalar_subquery()
    newest = select(profiles).where(owned(profiles, scope), profiles.c.seq == last)
    found: dict[bytes, Profile] = {}
    for chunk in chunks(of):
        for row in connection.execute(newest.where(profiles.c.actor.in_(chunk))):
            found[row.actor] = Profile(row.seq, row.user_id, row.profile)
    return found


def names_of(connection: Connection, scope: Scope, of: Iterable[bytes]) -> Iterator[list[tuple[bytes, Hashes]]]:
    """Hashes of the event names that some actors are known to have had, some actors at a time."""
    named = select(actors.c.actor, actors.c.names).where(owned(actors, scope), actors.c.names.is_not(None))
    for chunk in chunks(of):
        rows = connection.execute(named.where(actors.c.actor.in_(chunk)))
        yield [(row.actor, np.frombuffer(row.names, "<u8")) for row in rows]


def change(connection: Connection, scope: Scope, seq: int, changes: Changes) -> None:
    """Keep what a seal changes, in its transaction, which makes `seq`."""
    for growths in chunks(changes.growths, _WRITTEN_AT_ONCE):
        _grow(connection, scope, seq, growths)
    for versions in chunks(changes.versions):
        rows = [{"actor": v.actor, "seq": seq, "user_id": v.user_id, "profile": v.text} for v in versions]
        connection.execute(insert(profiles), [owner(scope) | row for row in rows])
    if changes.pairs:
        join(connection, scope, seq, changes.pairs)


def _grow(connection: Connection, scope: Scope, seq: int, growths: Sequence[Growth]) -> None:
    """Add to actors. A statement sets only what changes: actors are many, and most have no new name or profile."""
    alike: dict[tuple[bool, bool], list[Growth]] = {}
    for growth in growths:
        alike.setdefault((bool(growth.names), growth.profiled), []).append(growth)
    for (named, profiled), members in alike.items():
        values: dict[str, object] = {name: actors.c[name] + bindparam(f"more_{name}") for name in _COUNTS}
        values |= ({"names": _appended()} if named else {}) | ({"profiled": seq} if profiled else {})
        same = and_(owned(actors, scope), actors.c.actor == bindparam("of_actor"))
        names = ["of_actor", *(f"more_{name}" for name in _COUNTS), *(["new_names"] if named else [])]
        grow = update(actors).where(same).values(values)
        execute_many(connection, grow, names, (_added(growth) for growth in members))


def _added(growth: Growth) -> tuple[object, ...]:
    counts = (getattr(growth.tally, name) for name in _COUNTS)
    return (growth.actor, *counts, *([growth.names] if growth.names else []))


def _appended() -> Cast[bytes]:
    """Names and new ones. What joins two blobs makes a text for SQLite, so it is made a blob again."""
    before = func.coalesce(actors.c.names, literal_column("''"))
    return cast(before.op("||")(bindparam("new_names", type_=LargeBinary)), LargeBinary)
