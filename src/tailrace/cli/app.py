"""The root of all commands."""

import typer

from tailrace import __version__
from tailrace.cli import data, deadletters, demo, doctor, server, setup, verify

app = typer.Typer(
    name="tailrace",
    help="Self-hosted raw-event export server: every acknowledged event comes out exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tailrace {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Self-hosted raw-event export server: every acknowledged event comes out exactly once."""


for commands in (setup, server, data, verify, doctor, demo):
    commands.register(app)
app.add_typer(deadletters.app, name="dead-letters")
