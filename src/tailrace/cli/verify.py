"""`verify`: prove downloaded exports complete."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tailrace.cli.codes import FOUND_WRONG
from tailrace.cli.options import AsJson
from tailrace.cli.output import Output
from tailrace.cli.verify_view import as_json as as_document
from tailrace.cli.verify_view import as_lines, as_table
from tailrace.exports.verify.report import Report
from tailrace.exports.verify.verifying import verify as verify_exports


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders with a manifest and its files.")],
    as_json: AsJson = False,
) -> None:
    """Prove that downloaded exports are whole, that increments join without a gap, and that no event comes twice.

    Needs no server and no store. Exit code 1 if anything is wrong.
    """
    output = Output(as_json=as_json)
    report = verify_with_progress(output, directories)
    output.document(as_document(report))
    show_report(output, report)
    if not report.ok:
        raise typer.Exit(FOUND_WRONG)


def verify_with_progress(output: Output, directories: list[Path]) -> Report:
    """Verify, showing how many bytes are read."""
    with output.progress("verifying", 100) as advance:
        return verify_exports(directories, lambda done, total: advance(100 * done // max(1, total), f"{done:,} bytes"))


def show_report(output: Output, report: Report) -> None:
    """A table on a terminal, plain lines elsewhere."""
    if sys.stdout.isatty():
        output.show(as_table(report))
    else:
        for line in as_lines(report):
            output.say(line)
