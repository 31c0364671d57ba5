"""`export`: files straight from a data directory, without a server, or from a server."""

from pathlib import Path
from typing import Any

import msgspec
import typer

from tailrace.cli.export_local import make, prepare_job, show_plan
from tailrace.cli.export_options import (
    After,
    Columns,
    CsvSafe,
    DataDir,
    DryRun,
    End,
    FileBytes,
    InFormat,
    JsonArray,
    Names,
    NoWait,
    OfShape,
    OnAxis,
    Out,
    Packed,
    SplitBy,
    Start,
    UntilComplete,
    Versions,
    Where,
)
from tailrace.cli.options import App, AsJson
from tailrace.cli.output import Output
from tailrace.cli.remote.options import Asked, Parallel, Profile, Server, Token, TokenFile, Wanted
from tailrace.exports.forms import default_packing, default_split
from tailrace.model.clock import parse_iso
from tailrace.model.columns import check_columns
from tailrace.model.errors import Invalid
from tailrace.model.export import FILE_BYTES, ExportRequest, Filters
from tailrace.model.predicates import parse_predicates
from tailrace.model.window import Window
from tailrace.wiring import open_house


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    app: App,
    data: DataDir = None,
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
        job = prepare_job(house, asked)
        if dry_run:
            show_plan(output, house, job)
        elif out is not None:
            make(output, house, job, out)


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
