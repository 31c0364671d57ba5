"""Making: a planned export becomes files. What a worker does for a job, and the command line for itself."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass

from tailrace.compute.local import run_all
from tailrace.db.engine import Database
from tailrace.exports.assemble import Assembly, assemble
from tailrace.exports.cache import PartCache
from tailrace.exports.plan import Plan, make_plan
from tailrace.exports.records import Export, StoredFile
from tailrace.exports.resolve import Resolved
from tailrace.exports.schemas import write_schema
from tailrace.exports.slices import SliceSpec
from tailrace.exports.streams import PartDamaged
from tailrace.files.base import Files
from tailrace.model.export import ExportFile, Increment, Part
from tailrace.model.segment import Segment
from tailrace.store.snapshots import available_at, visible

Place = Callable[[str], str]  # where an object of a name lies
Progress = Callable[[int, int], None]  # slices that are done, rows so far


@dataclass(frozen=True, slots=True)
class Maker:
    """What making files needs: where parts wait and where files go, and who runs slices.

    `run_slice` is called on the executor, maybe in another process, so it finds the storage of parts by itself.
    """

    parts: Files
    files: Files
    executor: Executor
    run_slice: Callable[[SliceSpec], Part]
    cache: PartCache


@dataclass(frozen=True, slots=True)
class Made:
    """The files of an export, durable; `schema` describes their rows."""

    files: Sequence[ExportFile]
    schema: StoredFile


def plan_export(database: Database, export: Export, resolved: Resolved) -> Plan:
    """Plan what an export reads."""
    segments = visible_segments(database, export, resolved)
    with database.read() as connection:
        times = available_at(connection, export.scope, [segment.added_seq for segment in segments])
    return make_plan(export.request, segments, times, _increment(resolved))


def visible_segments(database: Database, export: Export, resolved: Resolved) -> list[Segment]:
    """All segments that an export may have to read, in output order."""
    increment = _increment(resolved)
    with database.read() as connection:
        after = increment.after if increment else 0
        return visible(connection, export.scope, resolved.snapshot, after=after, window=export.request.window)


def _increment(resolved: Resolved) -> Increment | None:
    if resolved.after_seq is None or resolved.upto_seq is None:
        return None
    return Increment(resolved.after_seq, resolved.upto_seq)


def make_files(
    maker: Maker, export: Export, plan: Plan, part_place: Place, file_place: Place, progress: Progress
) -> Made:
    """Run the slices of a plan and assemble their parts, which are gone afterwards.

    Raises:
        PartDamaged: a part is not what was written; make it again.
    """
    stem = f"{export.request.app}-{export.id}-{export.request.shape}"
    specs = [
        SliceSpec(part_place(f"part-{n:06d}"), piece, plan.selection, plan.layout)
        for n, piece in enumerate(plan.slices)
    ]
    assembly = Assembly(maker.parts, maker.files, export.request, plan.layout, stem, part_place, file_place)
    try:
        with closing(_parts(maker, export.scope.prefix, specs, progress)) as parts:
            files = assemble(assembly, parts)
        schema = write_schema(maker.files, file_place(f"{stem}.schema.json"), export.id, plan.layout)
    except PartDamaged:
        maker.cache.forget(export.scope.prefix)  # it may have come from there
        raise
    finally:
        for spec in specs:
            maker.parts.delete(spec.object)
    maker.cache.shrink()
    return Made(files, schema)


def _parts(maker: Maker, prefix: str, specs: Sequence[SliceSpec], progress: Progress) -> Generator[Part]:
    """Parts in the order of the plan, as they come: from the cache, else run."""
    cached = [maker.cache.find(prefix, spec) for spec in specs]
    missing = [spec for spec, part in zip(specs, cached, strict=True) if part is None]
    rows = 0
    with closing(run_all(maker.executor, maker.run_slice, missing)) as made:
        for done, (spec, known) in enumerate(zip(specs, cached, strict=True), 1):
            part = known or next(made)
            yield part
            if known is None:
                maker.cache.keep(prefix, spec, part)
            rows += part.rows
            progress(done, rows)
