"""Which records belong to one session, and which sessions are complete. Pure: arrays in, arrays out.

A session is what one actor sends under one session id, or without ids what it sends without a pause longer than the
inactivity limit. None is longer than the limit of length: what comes later begins the next one.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class SessionRules(Struct, frozen=True):
    """Limits in ms."""

    inactivity: int
    longest: int


class Groups(Struct, frozen=True):
    """Sessions found in a table of records.

    `order` sorts the records so that group g is rows ``first[g]:first[g + 1]`` of it, by time and arrival. The other
    arrays have one value per group: first and last event time, first and last arrival (ms), whether the sender ended
    it, and whether a later group continues it only because of the limit of length.
    """

    order: Ints
    first: Ints
    start: Ints
    end: Ints
    arrived: Ints
    last_arrived: Ints
    ended: Mask
    capped: Mask

    def __len__(self) -> int:
        return len(self.start)

    def complete(self, now: int, rules: SessionRules) -> Mask:
        """Which groups are complete: ended, silent, or as long or old as a session may be. Silence is of arrival.

        An arrival far in the future is one of a clock that was set back since then: nothing more is waited for.
        """
        silent = abs(now - self.last_arrived) >= rules.inactivity
        old = now - self.arrived >= rules.longest
        return self.ended | self.capped | silent | old

    def due_at(self, open_groups: Mask, rules: SessionRules) -> int | None:
        """When the first of the open groups is complete if nothing more arrives; None without open groups."""
        if not open_groups.any():
            return None
        due = np.minimum(self.last_arrived + rules.inactivity, self.arrived + rules.longest)
        return int(due[open_groups].min())

    def sizes(self) -> Ints:
        """Records per group."""
        return np.diff(self.first)


def group(records: pa.Table, rules: SessionRules) -> Groups:
    """Find the sessions of a non-empty table of `RECORD_SCHEMA`, whose rows are in order of arrival."""
    actor, session = _codes(records["actor_hash"]), _codes(records["session_id"])
    times, arrivals = records["time"].to_numpy(), records["received_at"].to_numpy()
    order = np.lexsort((np.arange(len(times)), times, session, actor))
    times, arrivals = times[order], arrivals[order]
    ended = pc.fill_null(records["session_end"], fill_value=False).to_numpy()[order]
    begins = _begins(actor[order], session[order], times, ended, rules)
    begins, capped_at = _cap(begins, times, rules)
    first = np.append(np.flatnonzero(begins), len(times))
    starts = first[:-1]
    return Groups(
        order=order,
        first=first,
        start=times[starts],
        end=times[first[1:] - 1],
        arrived=np.minimum.reduceat(arrivals, starts),
        last_arrived=np.maximum.reduceat(arrivals, starts),
        ended=np.logical_or.reduceat(ended, starts),
        capped=np.isin(first[1:], capped_at),
    )


def _codes(column: pa.ChunkedArray) -> Ints:
    """A number per distinct value; -1 for null and for empty text."""
    encoded = column.combine_chunks().dictionary_encode()
    codes: Ints = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
    values = encoded.dictionary.to_pylist()
    if "" in values:
        codes[codes == values.index("")] = -1
    return codes


def _begins(actor: Ints, session: Ints, times: Ints, ended: Mask, rules: SessionRules) -> Mask:
    """Where a group begins: at another actor or id; without ids also after a pause, and after an explicit end."""
    begins = np.ones(len(times), dtype=np.bool_)
    other = (actor[1:] != actor[:-1]) | (session[1:] != session[:-1])
    pause = (times[1:] - times[:-1] > rules.inactivity) | ended[:-1]
    begins[1:] = other | ((session[1:] == -1) & pause)
    return begins


def _cap(begins: Mask, times: Ints, rules: SessionRules) -> tuple[Mask, Ints]:
    """Cut groups that are too long; also the places where a cut was made. Only such groups are walked."""
    first = np.append(np.flatnonzero(begins), len(times))
    long = np.flatnonzero(times[first[1:] - 1] - times[first[:-1]] >= rules.longest)
    cuts: list[int] = []
    for index in long:
        place, stop = int(first[index]), int(first[index + 1])
        while times[stop - 1] - times[place] >= rules.longest:
            place += int(np.searchsorted(times[place:stop], times[place] + rules.longest))
            cuts.append(place)
    capped = begins.copy()
    capped[cuts] = True
    return capped, np.array(cuts, dtype=np.int64)
