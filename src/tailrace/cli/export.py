"""`export`: files straight from a data directory, without a server, or from a server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from tailrace.accounts.lookup import scope_of_app
from tailrace.cli.options import App, AsJson
from tailrace.cli.output import Advance, Output, table
from tailrace.cli.remote.options import Asked, Parallel, Profile, Server, Token, TokenFile, Wanted
from tailrace.exports.estimate import by_slice, estimate
from tailrace.exports.forms import default_packing, default_split
from tailrace.exports.making import Made, make_files, plan_export, visible_segments
from tailrace.exports.manifests import make_manifest, request_document, totals_of
from tailrace.exports.plan import Plan
from tailrace.exports.records import Export
from tailrace.exports.resolve import Resolved
from tailrace.exports.submit import prepare
from tailrace.files.local import LocalFiles
from tailrace.model.clock import day_name, parse_iso
from tailrace.model.columns import check_columns
from tailrace.model.errors import Invalid
from tailrace.model.export import FILE_BYTES, ExportRequest, Filters, Format, Packing, Shape, Split
from tailrace.model.objects import export_name
from tailrace.model.predicates import parse_predicates
from tailrace.model.window import Axis, Window
from tailrace.wiring import House, open_house

# The options of the command, in the order of its help.
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Where the files go; made if missing. With a server, they are pulled."),
]
Start = Annotated[
    str | None, typer.Option("--from", metavar="INSTANT", help="First instant, as in 2026-01-02T00:00:00Z.")
]
End = Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="End of the window, itself not inside.")]
OnAxis = Annotated[Axis, typer.Option("--axis", help="What the window is about.")]
OfShape = Annotated[Shape, typer.Option("--shape", help="A row per event or session, or a table per event.")]
InFormat = Annotated[Format, typer.Option("--format", help="How rows are written.")]
Packed = Annotated[
    Packing | None, typer.Option("--packing", help="How files are packed; gzip unless the format is parquet.")
]
Names = Annotated[list[str] | None, typer.Option("--event", metavar="NAME", help="Only this event; repeat for more.")]
Versions = Annotated[
    list[str] | None, typer.Option("--version", metavar="VERSION", help="Only this app version; repeat for more.")
]
Where = Annotated[
    str | None,
    typer.Option("--where", metavar="JSON", help='Predicates, as in [{"param": "level", "op": "gt", "value": 5}].'),
]
Columns = Annotated[
    str | None, typer.Option("--columns", metavar="A,B,…", help="Columns in this order; see docs/fields.md.")
]
SplitBy = Annotated[Split | None, typer.Option("--split", help="What a file holds; each shape has its default.")]
FileBytes = Annotated[
    int, typer.Option("--file-bytes", metavar="N", help="Size of the files of --split size, before packing.")
]
After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", help="Continue a chain: `cursor` of its last manifest.")
]
JsonArray = Annotated[bool, typer.Option("--json-array", help="One JSON array per file, not lines.")]
CsvSafe = Annotated[bool, typer.Option("--csv-safe", help="Guard spreadsheets against cells that look like formulas.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan with estimates; write nothing.")]
Where_ = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The data directory; without it a server exports.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Print the id of a server's export, and leave it to itself.")]
UntilComplete = Annotated[
    bool, typer.Option("--wait-until-complete", help="Have a server wait until nothing of the window can be missing.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    app: App,
    data: Where_ = None,
    out: Out = None,
    start: Start = None,
    end: End = None,
    axis: OnAxis = "event_time",
    shape: OfShape = "events",
    format_: InFormat = "json",
    packing: Packed = None,
    event: Names = None,
    version: Versions = None,
    where: Where = None,
    columns: Columns = None,
    split: SplitBy = None,
    file_bytes: FileBytes = FILE_BYTES,
    after: After = None,
    json_array: JsonArray = False,
    csv_safe: CsvSafe = False,
    dry_run: DryRun = False,
    no_wait: NoWait = False,
    wait_until_complete: UntilComplete = False,
    parallel: Parallel = 4,
    server: Server = None,
    token: Token = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Export to files in a directory, with their manifest and schema.

    With `--data` no server is needed, and none is disturbed; else a server exports, progress is shown live, and
    `--out` pulls the files. Without a window and with `--axis available` it is everything so far, and its manifest
    begins a chain.
    """
    asked = ExportRequest(
        app=app,
        window=Window(axis, _instant(start, "--from"), _instant(end, "--to")),
        shape=shape,
        format=format_,
        packing=packing or default_packing(format_),
        filters=Filters(tuple(event or ()), tuple(version or ()), _predicates(where)),
        columns=_columns(columns),
        split=split or default_split(shape),
        after=after,
        file_bytes=file_bytes,
        json_array=json_array,
        csv_safe=csv_safe,
    )
    output, given = Output(as_json=as_json), Asked(server, token, token_file, profile)
    if data is None:
        _remotely(output, given, Wanted(asked, out, parallel, not no_wait, wait_until_complete, dry_run))
        return
    _check_local(given, out, no_wait=no_wait, wait_until_complete=wait_until_complete, dry_run=dry_run)
    with open_house(data) as house:
        job = _prepare(house, asked)
        if dry_run:
            _show_plan(output, house, job)
        elif out is not None:
            _make(output, house, job, out)


def _remotely(output: Output, given: Asked, wanted: Wanted) -> None:
    from tailrace.cli.remote.exporting import export_by_server  # an export from a directory needs no HTTP

    export_by_server(output, given, wanted)


def _check_local(given: Asked, out: Path | None, *, no_wait: bool, wait_until_complete: bool, dry_run: bool) -> None:
    """What an export from a data directory cannot do.

    Raises:
        Invalid: it is asked to.
    """
    if given != Asked() or no_wait or wait_until_complete:
        raise Invalid("--data", "exports without a server; leave it out to have a server export")
    if out is None and not dry_run:
        raise Invalid("--out", "is needed with --data: the directory for the files")


@dataclass(frozen=True, slots=True)
class _Job:
    export: Export
    resolved: Resolved
    plan: Plan


def _prepare(house: House, asked: ExportRequest) -> _Job:
    prepared, resolved = prepare(house.submitter(), scope_of_app(house.database, asked.app), asked)
    passing = not house.settings.files  # over a network it pays to pack them
    return _Job(prepared, resolved, plan_export(house.database, prepared, resolved, passing=passing))


def _make(output: Output, house: House, job: _Job, out: Path) -> None:
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


def _manifest(house: House, job: _Job, made: Made) -> dict[str, Any]:
    with house.database.read() as connection:
        totals = totals_of(connection, job.export, job.resolved)
    return make_manifest(house.identity, job.export, job.resolved, totals, made)


def _show_plan(output: Output, house: House, job: _Job) -> None:
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


def _instant(text: str | None, option: str) -> int | None:
    try:
        return None if text is None else parse_iso(text)
    except ValueError as error:
        raise Invalid(option, f"must be an ISO 8601 instant such as 2026-01-02T03:04:05Z: {error}") from None


def _columns(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else check_columns([name.strip() for name in text.split(",")], "--columns")


def _predicates(text: str | None) -> Any:
    if text is None:
        return ()
    try:
        raw = msgspec.json.decode(text, type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise Invalid("--where", f"must be a JSON list of predicates: {error}") from None
    return parse_predicates(raw, "--where")
