"""What later fragments of a session take over from its first one: device, version and place."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from tailrace.db.engine import Database
from tailrace.files.base import Files
from tailrace.ingest.fragments import Placed
from tailrace.ingest.merging import json_value
from tailrace.model.access import Scope
from tailrace.model.fields import SESSION_INPUTS
from tailrace.model.segment import Segment
from tailrace.store import snapshots
from tailrace.store.segments import fragments_of_sessions, open_segment

Row = dict[str, Any]

LONGEST = 16 << 10  # characters of one value: a longer one stays with the first fragment


class Heritage(Struct, frozen=True):
    """The first fragments of an app's sealed sessions. `most` is how much text may be inherited at once, bytes."""

    database: Database
    files: Files
    scope: Scope
    most: int

    def divide(self, placed: Sequence[Placed]) -> Iterator[tuple[Sequence[Placed], dict[int, Row]]]:
        """Fragments with what they inherit, by group; halved as long as that would be too much at once."""
        inherited = self._inherited(placed)
        if inherited is not None:
            yield placed, inherited
            return
        half = len(placed) // 2
        yield from self.divide(placed[:half])
        yield from self.divide(placed[half:])

    def _inherited(self, placed: Sequence[Placed]) -> dict[int, Row] | None:
        """What the first fragments say, by the groups that joined their sessions; None if it is too much."""
        heirs: dict[int, list[int]] = {}
        for p in placed:
            if p.joined is not None:
                heirs.setdefault(p.joined.number, []).append(p.closing.group)
        found: dict[int, Row] = {}
        size = 0
        for rows in self._first_fragments({p.joined.number: p.joined.segment for p in placed if p.joined is not None}):
            for number, row in rows.items():
                size += len(heirs[number]) * sum(len(value) for value in row.values() if _inheritable_text(value))
                found |= dict.fromkeys(heirs[number], session_values(row))
            if size > self.most and len(placed) > 1:
                return None
        return found

    def _first_fragments(self, segment_of: Mapping[int, int]) -> Iterator[dict[int, Row]]:
        """The first fragments of some sessions by their number, segment by segment."""
        with self.database.read() as connection:
            segments = snapshots.segments_by_number(connection, self.scope, sorted(set(segment_of.values())))
        for number, sessions in groupby(sorted(segment_of, key=segment_of.__getitem__), key=segment_of.__getitem__):
            yield self._rows(segments.get(number), list(sessions))

    def _rows(self, segment: Segment | None, sessions: Sequence[int]) -> dict[int, Row]:
        """Nothing of a segment that is gone, which is no reason to stop."""
        if segment is None:
            return {}
        try:
            with open_segment(self.files, segment) as file:
                return fragments_of_sessions(file, segment, sessions)
        except FileNotFoundError:
            return {}


def session_values(row: Row) -> Row:
    """A stored fragment as the session object that would make it, without what is too long to be repeated."""
    return {
        f.source.removeprefix("session."): json_value(row[f.name]) if f.kind == "json" else row[f.name]
        for f in SESSION_INPUTS
        if row.get(f.name) is not None and (not isinstance(row[f.name], str) or len(row[f.name]) <= LONGEST)
    }


def _inheritable_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST
