"""The options of commands that speak to a server, and what they say. Nothing here loads a client."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from tailrace.model.export import ExportRequest

Server = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="The server; else TAILRACE_SERVER or the profile's.")
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TOKEN", help="The token, which others may see there; else TAILRACE_TOKEN or the profile's."
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", help="A file that holds the token; - is stdin.", allow_dash=True, dir_okay=False
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", metavar="NAME", help="The profile of config.toml; else TAILRACE_PROFILE or the file's own choice."
    ),
]
Parallel = Annotated[int, typer.Option("--parallel", metavar="N", help="Downloads at a time.", min=1, max=64)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says; None where it says nothing."""

    server: str | None = None
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    profile: str | None = None


class Wanted(Struct, frozen=True):
    """An export by a server: what of, where the files go, if anywhere, and how far to follow it."""

    request: ExportRequest
    out: Path | None
    parallel: int
    wait: bool
    wait_until_complete: bool
    dry_run: bool
