"""`openapi`: the description of the API, without a server."""

import sys

import msgspec
import typer

from tailrace.surfaces.native import NATIVE
from tailrace.surfaces.native.description import ABOUT
from tailrace.web.describing import text_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("openapi")(openapi)


def openapi() -> None:
    """Print the OpenAPI 3.1 document of the API, the one that a server answers at /openapi.json."""
    sys.stdout.write(msgspec.json.format(text_of(NATIVE, ABOUT), indent=2).decode() + "\n")
