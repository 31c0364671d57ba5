"""Documents of the client for people: tables, and lines of name and value. What a server says steers no terminal."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tailrace.cli.output import Output, table


def show_list(output: Output, items: Iterable[msgspec.Struct], names: Sequence[str]) -> None:
    """A table with a row per document; as JSON all of them."""
    found = list(items)
    output.document(found)
    output.show(table(names, [[cell(getattr(item, name)) for name in names] for item in found]))


def show_one(output: Output, item: msgspec.Struct) -> None:
    """A line per key that has a value; as JSON the document."""
    output.document(item)
    for name, value in msgspec.structs.asdict(item).items():
        if value not in (None, [], ""):
            output.say(f"{name:12} {cell(value)}")


def cell(value: Any) -> str:
    """A value as one safe text."""
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat(timespec="seconds").replace("+00:00", "Z")
        case [*items]:
            return ", ".join(map(cell, items))
        case msgspec.Struct():
            return safe(msgspec.json.encode(value).decode())
    return safe(str(value))


def safe(text: str) -> str:
    """Text without signs that do something to a terminal."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
