"""Actors that aliases joined: they are one user from the commit of the alias on. Versioned by seq, never undone.

An actor's newest row names the root of those it is joined with; an actor without a row is alone.
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, select

from tailrace.db.tables import joins, owned, owner
from tailrace.model.access import Scope
from tailrace.store.chunks import chunks

MOST = 64  # actors that can be joined with each other: what would make more joins nothing

Pair = tuple[bytes, bytes]


def joined_with(
    connection: Connection, scope: Scope, seq: int, actors: Iterable[bytes]
) -> dict[bytes, tuple[bytes, ...]]:
    """The other actors that some actors are joined with at a seq; without those that are alone."""
    if connection.execute(select(joins.c.seq).where(owned(joins, scope)).limit(1)).first() is None:
        return {}
    roots = _roots(connection, scope, seq, actors)
    members = _members(connection, scope, seq, roots.values())
    return {actor: tuple(other for other in members[root] if other != actor) for actor, root in roots.items()}


def join(connection: Connection, scope: Scope, seq: int, pairs: Sequence[Pair]) -> None:
    """Join actors pair by pair, in the transaction that makes `seq`. It holds the app's head, so no other joins."""
    roots = _roots(connection, scope, seq, {actor for pair in pairs for actor in pair})
    members = _members(connection, scope, seq, roots.values())
    before = {actor: root for root, of_root in members.items() for actor in of_root}
    after = joined(before, pairs)
    rows = [{"actor": actor, "seq": seq, "root": root} for actor, root in after.items() if before.get(actor) != root]
    if rows:
        connection.execute(insert(joins), [owner(scope) | row for row in rows])


def joined(roots: Mapping[bytes, bytes], pairs: Iterable[Pair]) -> dict[bytes, bytes]:
    """The root of each actor after some joins. Of two roots the smaller stays; no more than `MOST` get one. Pure."""
    found = dict(roots)
    members: dict[bytes, list[bytes]] = {}
    for actor, root in found.items():
        members.setdefault(root, []).append(actor)
    for pair in pairs:
        one, other = sorted(found.get(actor, actor) for actor in pair)
        ones, others = members.get(one, [one]), members.get(other, [other])
        if one != other and len(ones) + len(others) <= MOST:
            members[one] = ones + others
            members.pop(other, None)
            found.update(dict.fromkeys(members[one], one))
    return found


def _roots(connection: Connection, scope: Scope, seq: int, actors: Iterable[bytes]) -> dict[bytes, bytes]:
    """Roots of actors that have one."""
    found: dict[bytes, bytes] = {}
    for chunk in chunks(actors):
        rows = connection.execute(_newest(scope, seq).where(joins.c.actor.in_(chunk)))
        found.update((row.actor, row.root) for row in rows)
    return found


def _members(connection: Connection, scope: Scope, seq: int, roots: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """All actors of some roots, in order."""
    found: dict[bytes, list[bytes]] = {root: [] for root in roots}
    for chunk in chunks(list(found)):
        rows = connection.execute(_newest(scope, seq).where(joins.c.root.in_(chunk)).order_by(joins.c.actor))
        for row in rows:
            found[row.root].append(row.actor)
    return found


def _newest(scope: Scope, seq: int) -> Select[tuple[bytes, bytes]]:
    """The last row of each actor up to a seq."""
    others = joins.alias()
    same: ColumnElement[bool] = and_(owned(others, scope), others.c.actor == joins.c.actor, others.c.seq <= seq)
    last = select(func.max(others.c.seq)).where(same).correlate(joins).scalar_subquery()
    return select(joins.c.actor, joins.c.root).where(owned(joins, scope), joins.c.seq == last)
