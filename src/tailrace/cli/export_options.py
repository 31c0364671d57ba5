"""Options of `export`, in the order of its help."""

from pathlib import Path
from typing import Annotated

import typer

from tailrace.model.export import Format, Packing, Shape, Split
from tailrace.model.window import Axis

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Where the files go; made if missing. With a server, they are pulled."),
]
Start = Annotated[
    str | None, typer.Option("--from", metavar="INSTANT", help="First instant, as in 2026-01-02T00:00:00Z.")
]
End = Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="End of the window, itself not inside.")]
OnAxis = Annotated[Axis, typer.Option("--axis", help="What the window is about.")]
OfShape = Annotated[Shape, typer.Option("--shape", help="A row per event or session, or a table per event.")]
InFormat = Annotated[Format, typer.Option("--format", help="How rows are written.")]
Packed = Annotated[
    Packing | None, typer.Option("--packing", help="How files are packed; gzip unless the format is parquet.")
]
Names = Annotated[list[str] | None, typer.Option("--event", metavar="NAME", help="Only this event; repeat for more.")]
Versions = Annotated[
    list[str] | None, typer.Option("--version", metavar="VERSION", help="Only this app version; repeat for more.")
]
Where = Annotated[
    str | None,
    typer.Option("--where", metavar="JSON", help='Predicates, as in [{"param": "level", "op": "gt", "value": 5}].'),
]
Columns = Annotated[
    str | None, typer.Option("--columns", metavar="A,B,…", help="Columns in this order; see docs/fields.md.")
]
SplitBy = Annotated[Split | None, typer.Option("--split", help="What a file holds; each shape has its default.")]
FileBytes = Annotated[
    int, typer.Option("--file-bytes", metavar="N", help="Size of the files of --split size, before packing.")
]
After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", help="Continue a chain: `cursor` of its last manifest.")
]
JsonArray = Annotated[bool, typer.Option("--json-array", help="One JSON array per file, not lines.")]
CsvSafe = Annotated[bool, typer.Option("--csv-safe", help="Guard spreadsheets against cells that look like formulas.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan with estimates; write nothing.")]
DataDir = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The data directory; without it a server exports.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Print the id of a server's export, and leave it to itself.")]
UntilComplete = Annotated[
    bool, typer.Option("--wait-until-complete", help="Have a server wait until nothing of the window can be missing.")
]
