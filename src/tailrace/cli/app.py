"""The root of all commands. A command's module is loaded when it is needed: start-up is part of every run."""

from importlib import import_module

import typer

from tailrace import __version__

# Where each command is registered, in the order of the help.
COMMANDS = {
    "init": "setup",
    "apply": "setup",
    "serve": "server",
    "worker": "server",
    "import": "data",
    "seal": "data",
    "export": "export",
    "verify": "verify",
    "doctor": "doctor",
    "jobs": "jobs",
    "demo": "demo",
    "dead-letters": "deadletters",
    "openapi": "openapi",
}


def make_app(command: str | None = None) -> typer.Typer:
    """The application with one command; with all of them if that is none of its commands."""
    app = typer.Typer(
        name="tailrace",
        help="Self-hosted raw-event export server: every acknowledged event comes out exactly once.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    modules = [COMMANDS[command]] if command in COMMANDS else dict.fromkeys(COMMANDS.values())
    for module in modules:
        import_module(f"tailrace.cli.{module}").register(app)
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tailrace {__version__}")
        raise typer.Exit


def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Self-hosted raw-event export server: every acknowledged event comes out exactly once."""
