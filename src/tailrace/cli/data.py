"""`import` and `seal`: data in by file, and into segments."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict

from tailrace.accounts.lookup import all_scopes, scope_of_app
from tailrace.cli.options import App, AsJson, Data
from tailrace.cli.output import Output, table
from tailrace.ingest.accept import Door
from tailrace.ingest.doors import door_of
from tailrace.ingest.files.importing import Progress, Summary, import_file
from tailrace.ingest.files.mapping import FileMap, parse_map
from tailrace.ingest.sealing import Step, seal_everything
from tailrace.wiring import House, open_house


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_)
    app.command("seal")(seal)


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="NDJSON, CSV, TSV or Parquet; plain, gzip or zstd.", dir_okay=False)
    ],
    data: Data,
    app: App,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map", metavar="MAP.toml", help="Where fields come from; without it the file holds native records."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import a file. Importing it again adds nothing; bad rows become dead letters with line and reason."""
    output = Output(as_json=as_json)
    with open_house(data) as house:
        door = door_of(house.database, scope_of_app(house.database, app), house.discretion)
        summary = run_import(output, house, door, file, read_map(map_file))
    output.document({"file": str(file), "app": app} | asdict(summary))
    output.say(
        f"{file.name}: {summary.rows:,} rows, {summary.accepted:,} accepted, {summary.rejected:,} rejected "
        f"in {summary.seconds:.1f} s"
    )
    if summary.rejected:
        output.say(f"see why with: tailrace dead-letters list --data {data} --app {app}")


def read_map(path: Path | None) -> FileMap | None:
    """The mapping of a file; None without one."""
    return None if path is None else parse_map(path.read_text())


def run_import(output: Output, house: House, door: Door, file: Path, file_map: FileMap | None) -> Summary:
    """Import a file with progress."""
    with output.progress(f"importing {file.name}", file.stat().st_size) as advance:

        def moved(progress: Progress) -> None:
            advance(progress.done, f"{progress.rows:,} rows, {progress.rejected:,} rejected")

        return import_file(house.database, door, file, file_map=file_map, now=house.clock.now, progress=moved)


def seal(
    data: Data,
    close_all: Annotated[
        bool, typer.Option("--all", help="Close open sessions now instead of waiting for their end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Seal what has arrived into segments, which makes it exportable."""
    output = Output(as_json=as_json)
    steps: list[Step] = []
    with open_house(data) as house, output.progress("sealing", None) as advance:
        events = 0
        for step in seal_everything(house.sealer(), all_scopes(house.database), house.holder, close_all=close_all):
            steps.append(step)
            events += step.sealed.events
            advance(events, f"{events:,} events")
    rows = _by_app(steps)
    names = ("app", "seq", "events", "fragments", "duplicates", "open")
    output.document([dict(zip(names, row, strict=True)) for row in rows])
    output.show(table(names, rows))


def _by_app(steps: list[Step]) -> list[tuple[str, int, int, int, int, int]]:
    """Per app: its newest seq that was committed here, what was sealed, and what its shards left open."""
    rows = []
    for app in dict.fromkeys(step.scope.app_id for step in steps):
        mine = [step for step in steps if step.scope.app_id == app]
        last = {step.shard.number: step.sealed.open for step in mine}
        seq = max((step.sealed.seq for step in mine if step.sealed.seq is not None), default=0)
        rows.append(
            (
                app,
                seq,
                sum(step.sealed.events for step in mine),
                sum(step.sealed.fragments for step in mine),
                sum(step.sealed.duplicates for step in mine),
                sum(last.values()),
            )
        )
    return rows
