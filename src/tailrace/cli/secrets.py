"""`rotate-secrets`: a new key for what is kept of credentials."""

from typing import Annotated

import typer

from tailrace.cli.options import AsJson, Data
from tailrace.cli.output import Output
from tailrace.delivery.rotation import seal_anew
from tailrace.wiring import open_house


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rotate-secrets")(rotate_secrets)


def rotate_secrets(
    data: Data,
    finish: Annotated[
        bool, typer.Option("--finish", help="Make no new key; drop the old ones once nothing is sealed with them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Seal the credentials of deliveries with a new key; servers go on meanwhile."""
    output = Output(as_json=as_json)
    with open_house(data) as house:
        if not (finish or house.vault.keys):  # those of the environment are the operator's to make
            house.vault.add_key()
        count = seal_anew(house.database, house.vault)
        if finish:
            house.vault.drop_old_keys()
    output.document({"sealed": count})
    output.show(f"{count} secrets are sealed with the newest key")
