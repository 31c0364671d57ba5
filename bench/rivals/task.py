"""What a rival is asked for: one export as plain data, handed over as the only argument of its process."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

THREADS = 2
ISO = "%Y-%m-%dT%H:%M:%S"
TIMES = ("time", "session_start")
JSONS = ("params", "device_ids")  # JSON text in the sources
NUMBERS = ("session_duration_ms", "birth_year", "latitude", "longitude")


@dataclass(frozen=True, slots=True)
class Task:
    """One export by one rival."""

    shape: str  # events, sessions or tables
    format: str  # json, csv or xml
    packing: str  # none, gzip or zip
    columns: tuple[str, ...]
    sources: tuple[str, ...]  # Parquet files, or one SQLite database
    out: str  # the file; a folder if it is split
    flat: bool = False  # a row per event in the sources, not one per session
    events: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    split_bytes: int = 0
    until_ms: int = 0  # sessions that start earlier; only rows.db needs telling

    def text(self) -> str:
        """As an argument."""
        return json.dumps(asdict(self))


def asked() -> Task:
    """The task of this process."""
    values: dict[str, Any] = json.loads(sys.argv[1])
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Task(**{**values, **lists})
