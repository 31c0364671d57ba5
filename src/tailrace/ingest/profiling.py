"""The profiles of one seal: what they say of its fragments, and how its fragments change them.

What is stored is read once, before the first segment; nothing is changed before the commit.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct
from sqlalchemy import Connection

from tailrace.db.engine import Database
from tailrace.ingest.aliases import alias_pairs
from tailrace.ingest.attributes import Attributes, Known
from tailrace.ingest.firsts import Firsts, names_by_actor, with_first
from tailrace.ingest.fragments import Placed, rows_of
from tailrace.ingest.grouping import Groups
from tailrace.ingest.spool import Spool
from tailrace.ingest.tallying import PRIOR, amounts, before
from tailrace.model.access import Scope
from tailrace.store.joins import Pair, joined_with
from tailrace.store.profiles import Changes, Growth, names_of
from tailrace.store.sessions import Actor, Tally, known_actors, number_actors
from tailrace.store.snapshots import head

Ints = npt.NDArray[np.int64]


class Profiling(Struct, frozen=True):
    """What a seal knows of its users.

    `records` are its records, with `until_first_ms`. The arrays have a row per fragment: `owners` is the place of its
    actor in `hashes`, `added` what it adds to the actor's tally, `prior` what was sealed of the user before it.
    """

    actors: Mapping[bytes, Actor]
    records: pa.Table
    hashes: Sequence[bytes]
    owners: Ints
    added: Ints
    prior: Ints
    names: Mapping[int, bytes]
    pairs: Sequence[Pair]
    attributes: Attributes

    def described(
        self, placed: Sequence[Placed], first: int, fragments: pa.Table, most: int
    ) -> Iterator[tuple[Sequence[Placed], pa.Table]]:
        """Fragments, `first` of the seal and on, with what profiles say of them; cut where that is too much text."""
        prior = self.prior[first : first + len(placed)]
        start = size = 0
        known: list[Known] = []
        for row, of_row in enumerate(self.attributes.known(placed, fragments)):
            size += len(of_row.attributes or "")
            if size > most and known:
                yield placed[start:row], _with(fragments.slice(start, row - start), prior[start:row], known)
                start, size, known = row, len(of_row.attributes or ""), []
            known.append(of_row)
        yield placed[start:], _with(fragments.slice(start), prior[start:], known)

    def changes(self) -> Changes:
        """What the commit of the seal changes."""
        return Changes(self._growths(), self.attributes.versions(), self.pairs)

    def _growths(self) -> Iterator[Growth]:
        totals = np.zeros((len(self.hashes), len(PRIOR)), dtype=np.int64)
        np.add.at(totals, self.owners, self.added)
        for place, actor in enumerate(self.hashes):
            tally = Tally(*totals[place].tolist())
            yield Growth(actor, tally, self.names.get(place, b""), self.attributes.changed(actor))


class _Users(Struct, frozen=True):
    """Whose fragments a seal has, as of a seq.

    `place` is that of each actor of the seal, `owners` the places by fragment. A user is one actor or those that are
    joined, and is named by the place of the first of them; `users` has all of them, `of_place` those of the seal.
    """

    seq: int
    actors: Mapping[bytes, Actor]
    joined: Mapping[bytes, Sequence[bytes]]
    place: Mapping[bytes, int]
    owners: Ints
    users: Mapping[bytes, int]
    of_place: Ints

    @property
    def tallies(self) -> Ints:
        """What was sealed of each user, by place."""
        found = np.zeros((len(self.place), len(PRIOR)), dtype=np.int64)
        for actor, known in self.actors.items():
            found[self.users[actor]] += _counts(known.tally)
        return found

    @property
    def first_seen(self) -> Ints:
        """When the actor of each fragment was first seen, ms."""
        seen: Ints = np.array([self.actors[actor].first_seen for actor in self.place], dtype=np.int64)[self.owners]
        return seen


def profiling(
    database: Database,
    scope: Scope,
    records: pa.Table,
    groups: Groups,
    placed: Sequence[Placed],
    ends: Mapping[int, int],
    texts: Spool,
) -> Profiling:
    """Look at the users of some fragments, in the order of the seal; `ends` as `amounts` wants them.

    `texts` keeps what changes, until the commit.
    """
    own = number_actors(database, scope, _first_seen(placed))
    rows, lengths = rows_of(groups, placed)
    with database.read() as connection:
        users = _users(connection, scope, placed, own)
        fragments = np.repeat(np.arange(len(placed)), lengths)
        firsts = Firsts(records, rows, fragments, users.of_place[users.owners])
        first = firsts.within(users.owners, _strike_off(connection, scope, firsts, users))
    added = amounts(records, groups, placed, ends)
    return Profiling(
        actors=users.actors,
        records=with_first(records, first, users.first_seen),
        hashes=list(users.place),
        owners=users.owners,
        added=added,
        prior=before(added, users.of_place[users.owners], users.tallies),
        names=names_by_actor(first, users.owners),
        pairs=alias_pairs(scope, records, rows),
        attributes=Attributes(database, scope, users.seq, users.actors, users.joined, texts),
    )


def _first_seen(placed: Sequence[Placed]) -> dict[bytes, int]:
    """When the first event of each actor happened, by the order of the fragments."""
    found: dict[bytes, int] = {}
    for p in placed:
        found[p.closing.actor] = min(p.closing.start, found.get(p.closing.actor, p.closing.start))
    return found


def _users(connection: Connection, scope: Scope, placed: Sequence[Placed], own: Mapping[bytes, Actor]) -> _Users:
    place: dict[bytes, int] = {}
    owners = np.array([place.setdefault(p.closing.actor, len(place)) for p in placed], dtype=np.int64)
    seq = head(connection, scope).seq
    joined = joined_with(connection, scope, seq, place)
    strangers = {other for others in joined.values() for other in others} - own.keys()
    users = dict(place)
    for actor, others in joined.items():
        user = min(place[a] for a in (actor, *others) if a in place)
        users.update(dict.fromkeys((actor, *others), user))
    of_place = np.array([users[actor] for actor in place], dtype=np.int64)
    actors = {**own, **known_actors(connection, scope, strangers)}
    return _Users(seq, actors, joined, place, owners, users, of_place)


def _strike_off(connection: Connection, scope: Scope, firsts: Firsts, users: _Users) -> Ints:
    """Tell firsts what users had before; how many names each actor of the seal has already."""
    remembered = np.zeros(len(users.place), dtype=np.int64)
    sealed = [actor for actor, known in users.actors.items() if known.tally.events]
    for known in names_of(connection, scope, sealed):
        counts = [len(names) for _, names in known]
        of_user = np.repeat(np.array([users.users[actor] for actor, _ in known], dtype=np.int64), counts)
        firsts.had(of_user, np.concatenate([np.empty(0, np.uint64), *(names for _, names in known)]))
        for (actor, _), count in zip(known, counts, strict=True):
            if actor in users.place:
                remembered[users.place[actor]] = count
    return remembered


def _counts(tally: Tally) -> tuple[int, int, int, int]:
    return tally.events, tally.sessions, tally.states, tally.duration_ms


def _with(fragments: pa.Table, prior: Ints, known: Sequence[Known]) -> pa.Table:
    columns = {name: pa.array(prior[:, column]) for column, name in enumerate(PRIOR)}
    columns["user_attributes"] = pa.array([k.attributes for k in known], pa.string())
    columns["registered_at"] = pa.array([k.registered_at for k in known], pa.int64())
    for name, values in columns.items():
        place = fragments.schema.get_field_index(name)
        fragments = fragments.set_column(place, fragments.schema.field(place), values)
    return fragments
