"""The root of all commands. A command's module is loaded when it is needed: start-up is part of every run."""

from collections.abc import Mapping, Sequence
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
    "pull": "remote.pull",
    "verify": "verify",
    "doctor": "doctor",
    "jobs": "jobs",
    "audit": "audit",
    "rotate-secrets": "secrets",
    "demo": "demo",
    "dead-letters": "deadletters",
    "exports": "remote.exports",
    "tokens": "remote.tokens",
    "users": "remote.users",
    "apps": "remote.apps",
    "login": "remote.login",
    "config": "remote.login",
    "openapi": "openapi",
}


# What a shell says when it wants to complete.
_COMPLETION = "_TAILRACE_COMPLETE"


def app_for(arguments: Sequence[str], environ: Mapping[str, str]) -> typer.Typer:
    """The application as far as a command line needs it, or the one that a shell wants to complete."""
    first = arguments[0] if arguments else None
    if first in ("--install-completion", "--show-completion"):
        return _names()
    if not environ.get(_COMPLETION, "").startswith("complete_"):
        return make_app(first)
    line = environ.get("COMP_WORDS") or environ.get("_TYPER_COMPLETE_ARGS") or ""
    words = line.split()
    words = words if "COMP_CWORD" not in environ else words[: int(environ["COMP_CWORD"])]
    beyond = len(words) > 1 + ("COMP_CWORD" not in environ and not line.endswith(" "))
    return make_app(words[1]) if beyond and words[1] in COMMANDS else _names()


def make_app(command: str | None = None) -> typer.Typer:
    """The application with one command; with all of them if that is none of its commands."""
    app = _bare()
    modules = [COMMANDS[command]] if command in COMMANDS else dict.fromkeys(COMMANDS.values())
    for module in modules:
        import_module(f"tailrace.cli.{module}").register(app)
    return app


def _bare() -> typer.Typer:
    app = typer.Typer(
        name="tailrace",
        help="Self-hosted raw-event export server: every acknowledged event comes out exactly once.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    return app


def _names() -> typer.Typer:
    """The application with nothing but names."""
    app = _bare()
    for name in COMMANDS:
        app.command(name)(lambda: None)
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tailrace {__version__}")
        raise typer.Exit


def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Self-hosted raw-event export server: every acknowledged event comes out exactly once."""
