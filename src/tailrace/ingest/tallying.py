"""How much each fragment adds to what was sealed of its user, and how much there was before it. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.groups import Groups as Runs
from tailrace.ingest.fragments import Placed
from tailrace.ingest.grouping import Groups

Ints = npt.NDArray[np.int64]

STATES = pa.array(["state", "screen"])  # kinds of events that are states
PRIOR = ("prior_events", "prior_sessions", "prior_states", "prior_duration_ms")


def amounts(records: pa.Table, groups: Groups, placed: Sequence[Placed], ends: Mapping[int, int]) -> Ints:
    """Events, sessions, states and time of each fragment: a row per fragment, a column per count.

    `ends` says up to when the sessions that were joined went before, by number (ms): a late fragment adds only what
    its session has become longer by.
    """
    state = pc.is_in(records["kind"], STATES).to_numpy()[groups.order]
    states_to = np.concatenate([[0], np.cumsum(state)])
    ends = dict(ends)
    found = np.empty((len(placed), len(PRIOR)), dtype=np.int64)
    for row, p in enumerate(placed):
        states = states_to[p.records.stop] - states_to[p.records.first]
        found[row] = len(p.records), p.joined is None and p.part == 0, states, _longer(p, ends)
    return found


def _longer(p: Placed, ends: dict[int, int]) -> int:
    if p.joined is None:
        return p.end - p.start if p.part == 0 else 0
    before, ends[p.joined.number] = ends[p.joined.number], p.end
    return p.end - before


def before(added: Ints, users: Ints, base: Ints) -> Ints:
    """What was sealed of its user before each fragment: `base` by user, and the fragments before it in this seal."""
    order = np.argsort(users, kind="stable")
    ordered = added[order]
    sums = np.cumsum(ordered, axis=0) - ordered
    runs = Runs.of(users[order])
    found = np.empty_like(added)
    found[order] = sums - sums[runs.begins][runs.of_row]
    return found + base[users]
