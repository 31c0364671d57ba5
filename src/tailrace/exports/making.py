"""Making: a planned export becomes files. What a worker does for a job, and the command line for itself."""

from collections.abc import Callable, Generator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from typing import Protocol

from msgspec import Struct

from tailrace.compute.local import LocalPool
from tailrace.compute.running import run_all
from tailrace.db.engine import Database
from tailrace.exports.assemble import Assembly, assemble
from tailrace.exports.cache import PartCache
from tailrace.exports.names import stem_of
from tailrace.exports.people import People, no_people
from tailrace.exports.plan import Plan, make_plan
from tailrace.exports.records import Export, StoredFile
from tailrace.exports.resolve import Resolved
from tailrace.exports.schemas import write_schema
from tailrace.exports.slices import SliceSpec
from tailrace.exports.streams import PartDamaged
from tailrace.files.base import Files
from tailrace.model.export import ExportFile, Increment, Part
from tailrace.model.points import point
from tailrace.model.segment import Segment
from tailrace.store.snapshots import available_at, visible

Place = Callable[[str], str]  # where an object of a name lies
Progress = Callable[[int, int], None]  # slices that are done, rows so far


class Maker(Struct, frozen=True):
    """What making files needs: where parts wait and where files go, and who runs slices.

    `run_slice` is called by the pool, maybe in another process, so it finds the storage of parts by itself.
    """

    parts: Files
    files: Files
    pool: LocalPool
    run_slice: Callable[[SliceSpec], Part]
    cache: PartCache


class Made(Struct, frozen=True):
    """The files of an export, durable; `schema` describes their rows."""

    files: Sequence[ExportFile]
    schema: StoredFile


def plan_export(database: Database, export: Export, resolved: Resolved, *, passing: bool = False) -> Plan:
    """Plan what an export reads. `passing`: nobody will continue from its parts if it fails."""
    segments = visible_segments(database, export, resolved)
    with database.read() as connection:
        times = available_at(connection, export.scope, [segment.added_seq for segment in segments])
    return make_plan(export.request, segments, times, _increment(resolved), passing=passing)


def visible_segments(database: Database, export: Export, resolved: Resolved) -> list[Segment]:
    """All segments that an export may have to read, in output order."""
    increment = _increment(resolved)
    with database.read() as connection:
        after = increment.after if increment else 0
        window, arrivals = export.request.window, export.request.arrivals
        return visible(connection, export.scope, resolved.snapshot, after=after, window=window, arrivals=arrivals)


def _increment(resolved: Resolved) -> Increment | None:
    if resolved.after_seq is None or resolved.upto_seq is None:
        return None
    return Increment(resolved.after_seq, resolved.upto_seq)


class Kept(Protocol):
    """Parts that outlive an attempt: those in `objects` are left where they are."""

    @property
    def objects(self) -> AbstractSet[str]:
        """Where they are."""

    def find(self, number: int, spec: SliceSpec) -> Part | None:
        """The part of a slice that was finished before."""

    def keep(self, number: int, spec: SliceSpec, part: Part) -> None:
        """Take note of a part that is finished now."""


def make_files(
    maker: Maker,
    export: Export,
    plan: Plan,
    part_place: Place,
    file_place: Place,
    progress: Progress,
    kept: Kept | None = None,
    stop: int | None = None,
    people: People = no_people,
) -> Made:
    """Run the slices of a plan and assemble their parts, which are gone afterwards but for those that are `kept`.

    Parts that pass are written over in turn: fresh pages for each would cost more than all that is done with them.
    `stop` is the number of the flag that ends slices early, `people` says what is known of users.

    Raises:
        PartDamaged: a part is not what was written; make it again.
    """
    stem = stem_of(export)
    most = maker.pool.workers + 2 if plan.layout.passing else None
    specs = [
        SliceSpec(part_place(f"part-{n % (most or n + 1):06d}"), piece, plan.selection, plan.layout, stop)
        for n, piece in enumerate(plan.slices)
    ]
    assembly = Assembly(maker.parts, maker.files, export.request, plan.layout, stem, part_place, file_place, people)
    try:
        with closing(_parts(maker, export.scope.prefix, specs, progress, kept, most)) as parts:
            files = assemble(assembly, parts)
        schema = write_schema(maker.files, file_place(f"{stem}.schema.json"), export.id, plan.layout)
    except PartDamaged:
        maker.cache.forget(export.scope.prefix)  # it may have come from there
        raise
    finally:
        for name in {spec.object for spec in specs} - (kept.objects if kept else set()):
            maker.parts.delete(name)
    maker.cache.shrink()
    return Made(files, schema)


def _parts(
    maker: Maker,
    prefix: str,
    specs: Sequence[SliceSpec],
    progress: Progress,
    kept: Kept | None,
    most: int | None,
) -> Generator[Part]:
    """Parts in the order of the plan, as they come: those that are kept, those from the cache, else run."""
    there = [
        (kept.find(number, spec) if kept else None) or maker.cache.find(prefix, spec)
        for number, spec in enumerate(specs)
    ]
    missing = [spec for spec, part in zip(specs, there, strict=True) if part is None]
    # Who shares the pool takes turns; who has it alone need not.
    ahead = None if kept is None else maker.pool.workers + 1
    rows = 0
    with closing(run_all(maker.pool, maker.run_slice, missing, ahead, most)) as made:
        for number, (spec, known) in enumerate(zip(specs, there, strict=True)):
            part = known or next(made)
            if kept is not None:
                kept.keep(number, spec, part)
            yield part
            point("export.mid_assemble")
            if known is None:
                maker.cache.keep(prefix, spec, part)
            rows += part.rows
            progress(number + 1, rows)
