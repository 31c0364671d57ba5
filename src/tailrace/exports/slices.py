"""Running one slice: scan, encode, pack, into one durable part."""

from dataclasses import dataclass

import pyarrow.compute as pc

from tailrace.exports.plan import Slice
from tailrace.files.base import Files, Sink
from tailrace.formats import gzip, json
from tailrace.formats.digest import MODULUS, digest_lines
from tailrace.model.export import Part
from tailrace.model.fields import FIELDS
from tailrace.store.scan import EventBatch, Selection, scan


@dataclass(frozen=True, slots=True)
class SliceSpec:
    """A slice as plain data without secrets; `object` is unique to this attempt."""

    object: str
    slice: Slice
    selection: Selection


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    raw: int = 0
    packed: int = 0
    crc: int = 0
    digest: int = 0
    min_time: int | None = None
    max_time: int | None = None


def run_slice(files: Files, spec: SliceSpec) -> Part:
    """Write the part of a slice: packed pieces without header or end, which `assemble` adds."""
    tally = _Tally()
    with files.create(spec.object) as sink:
        for segment in spec.slice.segments:
            for batch in scan(files, segment, spec.slice.available_at, _with_time(spec.selection)):
                _write(sink, batch, spec.selection, tally)
    return Part(
        object=spec.object,
        rows=tally.rows,
        raw_bytes=tally.raw,
        packed_bytes=tally.packed,
        crc=tally.crc,
        digest=tally.digest,
        min_time=tally.min_time,
        max_time=tally.max_time,
    )


def _with_time(selection: Selection) -> Selection:
    """The event time is always read: the manifest states the bounds of each file."""
    if "time" in selection.columns:
        return selection
    return Selection(selection.window, selection.filters, (*selection.columns, "time"), selection.increment)


def _write(sink: Sink, batch: EventBatch, selection: Selection, tally: _Tally) -> None:
    columns = [FIELDS[name] for name in selection.columns]
    text = json.encode_rows(batch.fragments, batch.parent, batch.events, columns)
    piece = gzip.pack(text)
    sink.write(piece.packed)
    times = pc.min_max(batch.events["time"])
    low, high = times["min"].as_py(), times["max"].as_py()
    tally.crc = gzip.combine_crc(tally.crc, piece.crc, piece.length)
    tally.rows += batch.events.num_rows
    tally.raw += piece.length
    tally.packed += len(piece.packed)
    tally.digest = (tally.digest + digest_lines(bytes(text))) % MODULUS
    tally.min_time = low if tally.min_time is None else min(low, tally.min_time)
    tally.max_time = high if tally.max_time is None else max(high, tally.max_time)
