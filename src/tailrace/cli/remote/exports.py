"""`exports`: what a server makes or has made."""

from typing import Annotated

import typer

from tailrace.cli.codes import FOUND_WRONG
from tailrace.cli.options import AsJson
from tailrace.cli.output import Output
from tailrace.cli.remote.connection import connected
from tailrace.cli.remote.views import cell, safe, show_list, show_one
from tailrace.client import Client, Export

group = typer.Typer(help="Exports of a server: list, show, wait for, cancel and repeat them.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="EXPORT_ID", help="The id of the export, such as exp_….")]
_SHOWN = ("id", "app", "state", "created_at", "finished_at", "expires_at", "error")


def register(app: typer.Typer) -> None:
    """Add the commands, as a group."""
    app.add_typer(group, name="exports")


@group.command("list")
@connected
def list_(
    client: Client,
    app: Annotated[str | None, typer.Option("--app", metavar="APP", help="Only of this app.")] = None,
    state: Annotated[str | None, typer.Option("--state", metavar="STATE", help="Only in this state.")] = None,
    most: Annotated[int, typer.Option("--limit", metavar="N", help="How many.", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """List exports, newest first."""
    found = client.exports.list(app=app, state=state, limit=min(most, 1000))
    show_list(Output(as_json=as_json), (export for export, _ in zip(found, range(most), strict=False)), _SHOWN)


@group.command("show")
@connected
def show(client: Client, export_id: Id, as_json: AsJson = False) -> None:
    """Show an export: its state, its progress and what was asked for."""
    show_one(Output(as_json=as_json), client.exports.get(export_id))


@group.command("cancel")
@connected
def cancel(client: Client, export_id: Id, as_json: AsJson = False) -> None:
    """Cancel an export. One that has ended stays as it is."""
    output, export = Output(as_json=as_json), client.exports.cancel(export_id)
    output.document(export)
    output.say(f"{export.id} is {export.state}" if export.ended else f"{export.id} will be cancelled within seconds")


@group.command("rerun")
@connected
def rerun(client: Client, export_id: Id, as_json: AsJson = False) -> None:
    """Ask for the same once more: a new export of the same request. Its id is what is printed."""
    output, export = Output(as_json=as_json), client.exports.rerun(export_id)
    output.document(export)
    output.say(export.id)


@group.command("wait")
@connected
def wait(
    client: Client,
    export_id: Id,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="S", help="Give up after so many seconds.", min=0)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Wait until an export has ended. Exit code 1 if it has not succeeded."""
    output = Output(as_json=as_json)
    export = wait_with_progress(output, client, export_id, timeout)
    output.document(export)
    say_end(output, export)


def wait_with_progress(output: Output, client: Client, export_id: str, timeout: float | None = None) -> Export:
    """Wait for an export's end, showing how far it is."""
    with output.progress(f"export {export_id}", 100) as advance:

        def changed(export: Export) -> None:
            advance(export.progress.percent, _note(export))

        return client.exports.wait(export_id, timeout=timeout, hold=1, changed=changed)


def say_end(output: Output, export: Export) -> None:
    """How an export has ended; one that has no files ends the command with 1."""
    if export.succeeded:
        output.say(f"{export.id} has succeeded; its files come with: tailrace pull {export.id} --out DIR")
        return
    output.say(f"{export.id} is {export.state}{f': {safe(export.error)}' if export.error else ''}")
    raise typer.Exit(FOUND_WRONG)


def _note(export: Export) -> str:
    done, slices = export.progress.slices_done, export.progress.slices
    far = f"{done} of {slices} slices" if slices is not None else export.state
    if (waiting := export.waiting_for) is not None:
        far += f", waits for {safe(waiting.reason.replace('_', ' '))} until {cell(waiting.until)}"
    return f"{far}: {safe(export.error)}" if export.error else far
