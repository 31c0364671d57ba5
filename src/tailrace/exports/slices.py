"""Running one slice: scan, shape, encode, pack, into one part."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from tailrace.compute.stops import look
from tailrace.exports.layout import Layout
from tailrace.exports.nesting import write_kin
from tailrace.exports.parts import PartWriter
from tailrace.exports.plan import Slice
from tailrace.exports.shaping import shaper_of
from tailrace.exports.users import user_columns
from tailrace.files.base import Files
from tailrace.model.export import Filters, Part, Shape
from tailrace.model.points import point
from tailrace.model.segment import Segment
from tailrace.store.batches import EventBatch
from tailrace.store.merge import MERGE_COLUMNS, whole_sessions
from tailrace.store.scan import Selection, narrowed, scan_groups

# Read whether or not they are columns: what rows are split, merged and counted by.
_ALSO: dict[Shape, tuple[str, ...]] = {
    "events": ("time", "event"),
    "sessions": ("time", "session_start", *MERGE_COLUMNS),
    "tables": ("time", "event"),
}

# The same for events of sessions that are put together.
_OF_WHOLE = ("session_start", "app_version", *MERGE_COLUMNS)


class SliceSpec(Struct, frozen=True):
    """A slice as plain data without secrets; `object` is unique to this attempt, `stop` the number of its flag."""

    object: str
    slice: Slice
    selection: Selection
    layout: Layout
    stop: int | None = None


def run_slice(files: Files, spec: SliceSpec) -> Part:
    """Write the part of a slice: packed pieces without header or end, which `assemble` adds.

    A part need not be durable: each piece has a checksum, which `assemble` looks at. Raises FileNotFoundError, and
    Stopped between two row groups.
    """
    layout = spec.layout
    encoder = layout.encoder
    with files.create(spec.object, durable=False) as sink:
        out = PartWriter(sink, encoder, layout.store)
        write = shaper_of(layout) if layout.nest is None else write_kin
        write(layout, encoder, _looking(spec.stop, _groups(files, spec)), out)
        pieces = out.finish()
    point("slice.part_written")
    return Part(spec.object, pieces)


def _looking(stop: int | None, batches: Iterator[EventBatch]) -> Iterator[EventBatch]:
    for batch in batches:
        look(stop)
        yield batch
        point("slice.mid_part")


def _groups(files: Files, spec: SliceSpec) -> Iterator[EventBatch]:
    whole = spec.layout.merge and spec.layout.shape == "events"
    also = (*_ALSO[spec.layout.shape], *(_OF_WHOLE if whole else ()), *_of_tables(spec.layout))
    selection = replace(spec.selection, columns=tuple(dict.fromkeys((*spec.selection.columns, *also))))
    later = Filters()
    if whole:  # a session says the same whichever of its events are wanted
        later, selection = spec.selection.filters, selection.of_whole_sessions()

    def scan(segment: Segment) -> Iterator[EventBatch]:
        return scan_groups(files, segment, spec.slice.available_at, selection, spec.slice.share)

    if spec.layout.merge:
        for batch in whole_sessions(scan, spec.slice.segments):
            if (left := narrowed(batch, later)).events.num_rows:
                yield left
    else:
        for segment in spec.slice.segments:
            yield from scan(segment)


def _of_tables(layout: Layout) -> tuple[str, ...]:
    """What tables need beyond their columns; those that a request names say themselves what they are made of."""
    if layout.shape != "tables":
        return ()
    return user_columns(layout) if layout.tables else ("params", *user_columns(layout))
