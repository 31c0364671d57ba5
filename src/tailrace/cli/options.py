"""Options that many commands share, so that they read alike everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The data directory.", file_okay=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document on stdout.")]
LogsAsJson = Annotated[bool, typer.Option("--json", help="Write the log, and a set-up link, as JSON.")]
App = Annotated[str, typer.Option("--app", metavar="APP", help="The id of the app.")]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Exports that this process runs at a time; the setting `exports.running` if not given.", min=1, max=64
    ),
]
