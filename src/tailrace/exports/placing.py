"""Placing: in which state of its session each event is. Column by column; no loop per event."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from tailrace.columns.hashing import U64, stirred, text_hashes
from tailrace.formats.text import array_of
from tailrace.model.fields import FIELDS
from tailrace.model.kin import STATE_KINDS
from tailrace.store.batches import EventBatch, Ints

Mask = npt.NDArray[np.bool_]
_NOBODY = np.uint64(0x7461696C72616365)  # what tells the state without a name from those with one


class Places(Struct, frozen=True):
    """States in order, and where events are: state i is of session `session[i]`, has the key `key[i]` and the state
    event `head[i]`, -1 if that is not here. Event j is in state `of_event[j]`; `first[i]` is an event of state i.
    """

    session: Ints
    key: Ints
    head: Ints
    first: Ints
    of_event: Ints


def placed_events(batch: EventBatch) -> Places:
    """The states of a batch, by session and then by time, that without a name wherever its first event puts it."""
    keys, heads = state_keys(batch)
    time = array_of(batch.events, FIELDS["time"]).to_numpy()
    order = np.lexsort((time, ~heads, keys, batch.parents))  # in each state its own event first, then by time
    parents, sorted_keys = batch.parents[order], keys[order]
    new = np.concatenate([[True], (parents[1:] != parents[:-1]) | (sorted_keys[1:] != sorted_keys[:-1])])[: len(order)]
    begins, run = np.flatnonzero(new), np.cumsum(new) - 1
    earliest = np.minimum.reduceat(time[order], begins) if len(begins) else begins
    by_time = np.lexsort((sorted_keys[begins], earliest, parents[begins]))
    rank = np.empty(len(begins), np.int64)
    rank[by_time] = np.arange(len(begins))
    of_event = np.empty(len(order), np.int64)
    of_event[order] = rank[run]
    first = order[begins][by_time]
    head = np.where(heads[first], first, -1)
    return Places(batch.parents[first], keys[first].view(np.int64), head, first, of_event)


def state_keys(batch: EventBatch) -> tuple[U64, Mask]:
    """The key of each event's state, and which events are states themselves.

    An event names its state by the id of that state's event, or by its name: then it is in the last one of that name
    before it in its session. Where there is none, and where nothing is named, the key is made of session and name.
    """
    events = batch.events
    id_, kind, name, state, of_id = (
        array_of(events, FIELDS[name]) for name in ("id", "kind", "event", "state", "state_id")
    )
    heads = _mask(pc.is_in(kind, value_set=pa.array(STATE_KINDS)))
    by_id = ~heads & _mask(of_id.is_valid())
    by_name = ~heads & ~by_id & _mask(state.is_valid())
    session = array_of(batch.fragments, FIELDS["session_number"]).to_numpy().astype(np.uint64)[batch.parents]
    keys = stirred(stirred(session) ^ _NOBODY)
    keys[heads] = text_hashes(id_.filter(pa.array(heads)))
    keys[by_id] = text_hashes(of_id.filter(pa.array(by_id)))
    if by_name.any():
        label = pc.if_else(pa.array(heads), name, state)
        keys[by_name] = stirred(stirred(session[by_name]) ^ text_hashes(label.filter(pa.array(by_name))))
        rows = np.flatnonzero(heads | by_name)
        before = _last_of_name(batch, rows, heads, label.take(pa.array(rows)))
        known = by_name[rows] & (before >= 0)
        keys[rows[known]] = keys[before[known]]
    return keys, heads


def _last_of_name(batch: EventBatch, rows: Ints, heads: Mask, label: pa.Array) -> Ints:
    """For some events the last state event of the same session and label that is no later, -1 if there is none."""
    code = label.dictionary_encode().indices.to_numpy().astype(np.int64)
    time = array_of(batch.events, FIELDS["time"]).to_numpy()[rows]
    parents = batch.parents[rows]
    order = np.lexsort((~heads[rows], time, code, parents))
    change = (parents[order][1:] != parents[order][:-1]) | (code[order][1:] != code[order][:-1])
    begins = np.maximum.accumulate(np.where(np.concatenate([[True], change]), np.arange(len(order)), 0))
    last = np.maximum.accumulate(np.where(heads[rows][order], np.arange(len(order)), -1))
    found = np.full(len(rows), -1)
    found[order] = np.where(last >= begins, rows[order[last]], -1)
    return found


def _mask(column: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return mask
