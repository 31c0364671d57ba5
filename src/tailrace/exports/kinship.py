"""Kinship: a batch as rows of kin, a table for each kind, whose rows know which row above them they belong to."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from tailrace.columns.hashing import text_hashes
from tailrace.columns.jsontext import members
from tailrace.columns.objects import texts_of
from tailrace.exports.placing import Places, placed_events
from tailrace.formats.text import array_of, integers
from tailrace.model.fields import FIELDS
from tailrace.model.kin import Kin
from tailrace.store.batches import EventBatch, Ints

BUCKETS = 1000
_EXACT = (1 << 53) - 1  # ids that are hashes stay whole numbers in every reader
_INT64 = range(-(1 << 63), 1 << 63)


class Rank(Struct, frozen=True):
    """Rows of one kind; row i belongs to row `parent[i]` of the kind above, in order of that."""

    table: pa.Table
    parent: Ints


def kinship(batch: EventBatch) -> Mapping[Kin, Rank]:
    """All kin of a batch, whose fragments each have an event and stand in order."""
    sessions = _sessions(batch)
    places = placed_events(batch)
    states = _states(batch, places, sessions["session_key"])
    events = _events(batch, places, states)
    return {
        "session": Rank(sessions, np.arange(len(sessions))),
        "state": Rank(states, places.session),
        "event": events,
        "param": _params(states, events.table),
        "attribute": _attributes(sessions),
        "experiment": _experiments(sessions),
    }


def _sessions(batch: EventBatch) -> pa.Table:
    """Fragments, or whole sessions. Those without their session's beginning have odd keys, all others even ones."""
    parents, fragments = batch.parents, batch.fragments
    starts = np.searchsorted(parents, np.arange(fragments.num_rows))
    first = np.minimum.reduceat(array_of(batch.events, FIELDS["number"]).to_numpy(), starts)
    number = array_of(fragments, FIELDS["session_number"]).to_numpy()
    late = array_of(fragments, FIELDS["fragment"]).to_numpy() > 0
    keys = np.where(late, 2 * first + 1, 2 * number)
    testers = pc.fill_null(array_of(batch.events, FIELDS["is_tester"]), False).to_numpy(zero_copy_only=False)
    bucket = text_hashes(array_of(fragments, FIELDS["actor"])) % np.uint64(BUCKETS)
    return (
        fragments.append_column("session_key", integers(pa.array(keys)))
        .append_column("user_bucket", pa.array(bucket.astype(np.int64)))
        .append_column("had_tester", pa.array(np.bincount(parents, testers, fragments.num_rows) > 0))
    )


def _states(batch: EventBatch, places: Places, session_keys: pa.ChunkedArray) -> pa.Table:
    """What their own events say of states; of those whose event is not here, the name."""
    own = batch.events.take(pa.array(places.head, mask=places.head < 0))
    given = array_of(batch.events, FIELDS["state"]).take(pa.array(places.first))
    return (
        own.append_column("state_key", pa.array(places.key))
        .append_column("state_name", pc.coalesce(array_of(own, FIELDS["event"]), given))
        .append_column("session_key", session_keys.take(pa.array(places.session)))
    )


def _events(batch: EventBatch, places: Places, states: pa.Table) -> Rank:
    """Events that are no states, by state and time."""
    alone = np.ones(batch.events.num_rows, dtype=np.bool_)
    alone[places.head[places.head >= 0]] = False
    rows = np.flatnonzero(alone)
    time = array_of(batch.events, FIELDS["time"]).to_numpy()[rows]
    number = array_of(batch.events, FIELDS["number"]).to_numpy()[rows]
    order = np.lexsort((number, time, places.of_event[rows]))
    parent = places.of_event[rows[order]]
    above = states.select(["state_key", "session_key"]).take(pa.array(parent))
    events = batch.events.take(pa.array(rows[order]))
    for name in above.column_names:
        events = events.append_column(name, above[name])
    return Rank(events, parent)


def _params(states: pa.Table, events: pa.Table) -> Rank:
    """Parameters of events and of states."""
    of_events = _members(_column(events, "params"), events["number"])
    of_states = _members(_column(states, "params"), states["state_key"])
    table = pa.concat_tables([of_events.table, of_states.table])
    return Rank(table, np.arange(table.num_rows))


def _attributes(sessions: pa.Table) -> Rank:
    """Attributes of the sessions' users, values as texts."""
    return _members(texts_of(_column(sessions, "user_attributes")), sessions["session_key"], "session_key")


def _members(objects: pa.Array, owners: pa.ChunkedArray, owner: str = "owner_key") -> Rank:
    found = members(objects)
    columns = {owner: owners.take(found.row), "member_name": found.key.cast(pa.string()), "member_value": found.value}
    return Rank(pa.table(columns), found.row.to_numpy().astype(np.int64))


def _experiments(sessions: pa.Table) -> Rank:
    """Experiments of sessions. Sessions take part in few, so each list that there is is read once."""
    coded = _column(sessions, "experiments").dictionary_encode()
    lists = [_read(text) for text in coded.dictionary.to_pylist()]
    offsets = np.cumsum([0, *map(len, lists)])
    places = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(np.arange(offsets[-1])))
    taken = places.take(coded.indices)
    rows, parent = pc.list_flatten(taken), pc.list_parent_indices(taken)
    one = [found for each in lists for found in each]
    table = pa.table(
        {
            "experiment_id": pa.array([found[0] for found in one], pa.int64()).take(rows),
            "variant_id": pa.array([found[1] for found in one], pa.int64()).take(rows),
            "impressed": pa.array([found[2] for found in one], pa.bool_()).take(rows),
            "session_key": sessions["session_key"].take(parent),
        }
    )
    return Rank(table, parent.to_numpy().astype(np.int64))


def _read(text: str | None) -> Sequence[tuple[int, int, bool | None]]:
    """Id, variant and whether it was shown, of each experiment; where no variant is told it is 0."""
    listed: list[dict[str, Any]] = msgspec.json.decode(text or "[]")
    return [(_number(one["id"]), _number(one.get("variant_id") or 0), one.get("impressed")) for one in listed]


def _number(id_: int | str) -> int:
    """A whole number for an id: a text of digits is one, any other has the hash of its text."""
    text = str(id_)
    if text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 20 and int(text) in _INT64:
        return int(text)
    return int(text_hashes(pa.array([text]))[0]) & _EXACT


def _column(table: pa.Table, name: str) -> pa.Array:
    return array_of(table, FIELDS[name])
