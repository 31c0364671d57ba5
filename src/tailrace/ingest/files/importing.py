"""Importing: a file goes into the inbox block by block; each block is durable before the next is read."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from msgspec.structs import replace

from tailrace.db.engine import Database
from tailrace.ingest.accept import Door, Origin, Outcome, accept
from tailrace.ingest.draft import Draft, Rejected
from tailrace.ingest.files.binding import bound, native_map
from tailrace.ingest.files.blocks import Block, RawRows
from tailrace.ingest.files.extracting import extract
from tailrace.ingest.files.identity import Occurrences, occurrences
from tailrace.ingest.files.mapping import FileMap
from tailrace.ingest.files.reading import Reading, reading
from tailrace.ingest.protocols.native import draft_records
from tailrace.store.inbox import append

Drafter = Callable[[Block], Draft]
PROTOCOL = "file"
_NOTHING = draft_records([], None)


class Progress(Struct, frozen=True):
    """How far an import is: bytes of the file as it lies there, and rows so far."""

    done: int
    total: int
    rows: int
    rejected: int


class Summary(Struct, frozen=True):
    """What an import did. Rows that were accepted before are among `accepted`; the seal drops them."""

    rows: int
    accepted: int
    rejected: int
    seconds: float


def import_file(
    database: Database,
    door: Door,
    path: Path,
    *,
    file_map: FileMap | None,
    now: Callable[[], int],
    progress: Callable[[Progress], object] = lambda _: None,
    scratch: Path | None = None,
) -> Summary:
    """Import one file by a map, or as native records without one. `now` is in ms UTC; it may be repeated safely.

    Raises:
        FileNotFoundError: there is no such file.
        Invalid: the map does not fit the file.
        Malformed: the file is damaged; the blocks before the damage are imported.
    """
    begin = time.monotonic()
    rows = rejected = 0
    with reading(path, file_map.format if file_map else None) as file, occurrences(scratch) as seen:
        draft_of_block = drafter(file_map, file)
        origin = Origin(f"import {file.name}", _context(file, file_map))
        for block in file.blocks:
            draft = draft_of_block(block) if block.lines else _NOTHING
            outcome = _outcome(door, block, draft, seen, origin, now())
            append(database, [outcome.submission])
            rows += len(block.lines) + len(block.broken)
            rejected += len(outcome.rejected)
            progress(Progress(block.done, file.size, rows, rejected))
    return Summary(rows, rows - rejected, rejected, time.monotonic() - begin)


def drafter(file_map: FileMap | None, file: Reading) -> Drafter:
    """What makes drafts of a file's blocks.

    Raises:
        Invalid: the map does not fit the file.
    """
    if file_map is not None:
        fitting = bound(file_map, file.format, file.columns)
    elif file.columns is None:
        return native_lines
    else:
        fitting = native_map(file.format, file.columns, file.types)
    return lambda block: extract(fitting, block)


def native_lines(block: Block) -> Draft:
    """Lines that are native records."""
    draft = draft_records(block.texts, None)
    places = draft.places
    return replace(
        draft,
        columns=dict(zip(draft.table.column_names, draft.table.columns, strict=True)),  # once, not at each use
        places=[block.lines[place] for place in places],
        raw_of=lambda row: block.texts[places[row]],
        rejected=[Rejected(block.lines[r.place], r.reason) for r in draft.rejected],
        collected=pa.nulls(len(places), pa.int64()),
    )


def _context(file: Reading, file_map: FileMap | None) -> str:
    """How `replay` reads the raw of a dead letter again."""
    types = {name: kind for name, kind in file.types.items() if kind != "text"} if file_map is None else {}
    context: Mapping[str, Any] = {
        "protocol": PROTOCOL,
        "format": file.format,
        "map": file_map.text if file_map else None,
    }
    return msgspec.json.encode({**context, "types": types} if types else context).decode()


def _outcome(door: Door, block: Block, draft: Draft, seen: Occurrences, origin: Origin, received_at: int) -> Outcome:
    """Decide about a block: its rows, and those that never became rows."""
    broken = [Rejected(b.line, b.reason) for b in block.broken]
    draft = replace(draft, rejected=[*draft.rejected, *broken], keys=_keys(draft, block, seen))
    raws = RawRows(block.lines, block.raw_of, {b.line: b.raw for b in block.broken})
    return accept(door, draft, raws, origin, received_at)


def _keys(draft: Draft, block: Block, seen: Occurrences) -> list[bytes] | None:
    """Keys of the rows that have no id of their sender; empty for the others."""
    unnamed = np.flatnonzero(pc.fill_null(pc.equal(draft.table["id"], ""), True).to_numpy())
    if not len(unnamed):
        return None
    keys = [b""] * draft.table.num_rows
    rows = np.searchsorted(np.asarray(block.lines), np.asarray(draft.places)[unnamed])
    for row, key in zip(unnamed, seen.keys(block.content(rows)), strict=True):
        keys[row] = key
    return keys
