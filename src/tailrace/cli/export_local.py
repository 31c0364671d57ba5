"""Exports straight from a data directory: planned, made and described without a server."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tailrace.accounts.lookup import scope_of_app
from tailrace.cli.output import Advance, Output, table
from tailrace.exports.estimate import by_slice, estimate
from tailrace.exports.making import Made, make_files, plan_export, visible_segments
from tailrace.exports.manifests import make_manifest, request_document, totals_of
from tailrace.exports.plan import Plan
from tailrace.exports.records import Export
from tailrace.exports.resolve import Resolved
from tailrace.exports.submit import prepare
from tailrace.files.local import LocalFiles
from tailrace.model.clock import day_name
from tailrace.model.errors import Invalid
from tailrace.model.export import ExportRequest
from tailrace.model.objects import export_name
from tailrace.wiring import House


class Job(Struct, frozen=True):
    """An export from a data directory: what is asked, resolved to commits, and the plan."""

    export: Export
    resolved: Resolved
    plan: Plan


def prepare_job(house: House, asked: ExportRequest) -> Job:
    """Plan an export. Raises as `submit` does."""
    prepared, resolved = prepare(house.submitter(), scope_of_app(house.database, asked.app), asked)
    passing = not house.settings.files  # over a network it pays to pack them
    return Job(prepared, resolved, plan_export(house.database, prepared, resolved, passing=passing))


def make(output: Output, house: House, job: Job, out: Path) -> None:
    """Make the files, then the manifest, which says that all is there."""
    manifest = out / "manifest.json"
    if manifest.exists():
        raise Invalid("--out", f"{out} holds an export already; choose an empty directory")
    out.mkdir(parents=True, exist_ok=True)
    files = LocalFiles(out)
    # The pool first: its processes are copies of this one, which has no threads yet.
    with house.maker(files, "fork") as maker, output.progress("exporting", job.plan.events) as advance:
        made = make_files(
            maker, job.export, job.plan, lambda name: _scratch(job.export, name), lambda name: name,
            _Shown(advance, len(job.plan.slices)),
        )  # fmt: skip
    document = _manifest(house, job, made)
    with files.create(manifest.name) as sink:
        sink.write(msgspec.json.format(msgspec.json.encode(document), indent=2))
    output.document(document)
    size = sum(file.bytes for file in made.files)
    output.say(f"{document['rows']:,} rows, {len(made.files):,} files, {size:,} bytes in {out}")


def _scratch(export_: Export, name: str) -> str:
    """Where a part waits in the store; the id makes it unique. Without a job, what is left over goes by its age."""
    return export_name(export_.scope, export_.id, 0, name)


class _Shown:
    """Progress in rows."""

    def __init__(self, advance: Advance, slices: int) -> None:
        self._advance = advance
        self._slices = slices

    def __call__(self, done: int, rows: int) -> None:
        self._advance(rows, f"{rows:,} rows, {done} of {self._slices} slices")


def _manifest(house: House, job: Job, made: Made) -> dict[str, Any]:
    with house.database.read() as connection:
        totals = totals_of(connection, job.export, job.resolved)
    return make_manifest(house.identity, job.export, job.resolved, totals, made)


def show_plan(output: Output, house: House, job: Job) -> None:
    """Print what would be read, slice by slice, and about how much it is."""
    request, segments = job.export.request, visible_segments(house.database, job.export, job.resolved)
    planned = by_slice(request, job.plan, segments)
    matching = {segment.number for piece in job.plan.slices for segment in piece.segments}
    whole = estimate(request, [segment for segment in segments if segment.number in matching])
    names = ("day", "bucket", "segments", "events")
    rows = [(day_name(one.day), one.bucket or "-", one.segments, one.events) for one in planned]
    output.document(
        {
            "request": request_document(request),
            "snapshot_seq": job.resolved.snapshot,
            "estimate": {"events": whole.events, "at_most": whole.at_most, "bytes": whole.bytes},
            "slices": [dict(zip(names, row, strict=True)) for row in rows],
        }
    )
    output.show(table(names, rows))
    output.say(
        f"about {whole.events:,} events (at most {whole.at_most:,}), about {whole.bytes:,} bytes; nothing was written"
    )
