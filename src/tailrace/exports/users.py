"""The users table: what the newest session of an export knows of each user, and what it counted.

Slices know users of one day; assembling puts days together. Users are numbered densely in their app, so groups of
`GROUP` numbers bound what is in memory then.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.groups import Groups
from tailrace.exports.layout import USER_COUNTS, USER_FIELDS, USERS, Layout
from tailrace.exports.parts import PartWriter, Stretch
from tailrace.exports.people import PROFILE, People, as_people, no_people
from tailrace.exports.streams import Placed, placed, read_piece
from tailrace.files.base import Files
from tailrace.formats.encoders import encoder_of
from tailrace.model.export import Part
from tailrace.store.batches import EventBatch

GROUP = 65_536
_FLUSH_ROWS = 65_536
_NO_PARENT = pa.array([], pa.int64())


def user_columns(layout: Layout) -> tuple[str, ...]:
    """What is read for the table; `session_number` tells the fragments of one session from two sessions."""
    return tuple(dict.fromkeys((*known_fields(layout), "session_start", "session_number")))


def known_fields(layout: Layout) -> tuple[str, ...]:
    """The fields of which the newest session that knows a value counts."""
    if layout.users is None:
        return tuple(field.name for field in USER_FIELDS)
    return tuple(dict.fromkeys(("user_number", *(name for name in layout.users.sources if name != PROFILE))))


class UserCounts:
    """Collects the users of a slice; `columns` are those of sessions to keep."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._tables: list[pa.Table] = []
        self._rows = 0

    def add(self, batch: EventBatch) -> None:
        """Count the sessions and events of a batch."""
        counts = np.bincount(batch.parents, minlength=batch.fragments.num_rows)
        table = batch.fragments.select(self._columns).append_column("events", pa.array(counts, pa.int64()))
        self._tables.append(table.filter(pa.array(counts > 0)))
        self._rows += table.num_rows
        if self._rows > _FLUSH_ROWS:
            merged = _sessions(pa.concat_tables(self._tables), self._columns)
            self._tables, self._rows = [merged], 0

    def packed(self) -> Iterator[tuple[int, bytes, int]]:
        """Sessions by group of users: the group, its record batches, how many rows."""
        if not self._tables:
            return
        table = _sessions(pa.concat_tables(self._tables), self._columns)
        groups = table["user_number"].to_numpy() // GROUP
        for group in np.unique(groups):
            rows = table.filter(pa.array(groups == group))
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as out:
                out.write_table(rows)
            yield int(group), sink.getvalue().to_pybytes(), rows.num_rows


def user_part(files: Files, place: str, layout: Layout, parts: Iterable[Part], people: People = no_people) -> Part:
    """The users of all slices, encoded as a part of their own. `people` says what is known of them."""
    encoder = encoder_of(layout.format, "user", array=layout.json_array, safe=layout.csv_safe)
    pieces = sorted((p for p in placed(parts) if p.piece.key.startswith(f"{USERS}/")), key=_key)
    with files.create(place, durable=False) as sink:
        out = PartWriter(sink, encoder, layout.store)
        for _, group in groupby(pieces, _key):
            table = _users([read_piece(files, where) for where in group], layout)
            shown = table if layout.users is None else as_people(table, layout.users, people)
            rows = encoder.sessions(shown, _NO_PARENT, table.select([]), layout.sheets[USERS])
            out.add(rows, [Stretch(USERS, 0, table.num_rows, *_bounds(table))])
        return Part(place, out.finish())


def _key(where: Placed) -> str:
    return where.piece.key


def _bounds(table: pa.Table) -> tuple[int, int]:
    """When the users' sessions began: first and last, in ms."""
    bounds = pc.min_max(table["last_session_start"])
    return bounds["min"].as_py(), bounds["max"].as_py()


def _users(pieces: Iterable[bytes], layout: Layout) -> pa.Table:
    """One row per user of a group, from the pieces of all slices."""
    read = user_columns(layout)
    sessions = _sessions(pa.concat_tables(pa.ipc.open_stream(piece).read_all() for piece in pieces), read)
    order = [("user_number", "ascending"), ("session_start", "ascending"), ("session_number", "ascending")]
    table = sessions.sort_by(order).combine_chunks()
    users = Groups.of(table["user_number"].to_numpy())
    events = np.add.reduceat(table["events"].to_numpy(), users.begins)
    columns = [_newest(table[name], users) for name in known_fields(layout)]
    last = table["session_start"].take(pa.array(users.ends - 1))
    counted = [pa.array(users.ends - users.begins), pa.array(events), last]
    return pa.Table.from_arrays(
        [*columns, *counted], names=[*known_fields(layout), *(field.name for field in USER_COUNTS)]
    )


def _sessions(table: pa.Table, read: Sequence[str]) -> pa.Table:
    """One row per session: fragments and cut batches of one put together, the newest that knows a value counts."""
    order = pc.sort_indices(table, [("session_number", "ascending")])
    table = table.take(order).combine_chunks()
    sessions = Groups.of(table["session_number"].to_numpy())
    columns = [_newest(table[name], sessions) for name in read]
    events = np.add.reduceat(table["events"].to_numpy(), sessions.begins)
    return pa.Table.from_arrays([*columns, pa.array(events)], names=[*read, "events"])


def _newest(column: pa.ChunkedArray, groups: Groups) -> pa.ChunkedArray:
    """The last value of each group that is there."""
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(groups.begins), column.type)])
    return column.take(groups.newest(column))
