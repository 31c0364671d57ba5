"""What can be asked for, and what it becomes."""

from dataclasses import dataclass, field
from typing import Literal

from tailrace.model.window import Window

Shape = Literal["events"]
Format = Literal["json"]
Packing = Literal["gzip"]
Split = Literal["single"]
ExportState = Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"]

SHAPES: tuple[Shape, ...] = ("events",)
FORMATS: tuple[Format, ...] = ("json",)
PACKINGS: tuple[Packing, ...] = ("gzip",)
SPLITS: tuple[Split, ...] = ("single",)
FINAL_STATES: frozenset[ExportState] = frozenset(("succeeded", "failed", "cancelled", "expired"))


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events; empty means all. Names and versions are alternatives, the two together a conjunction."""

    events: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is filtered out."""
        return not self.events and not self.versions


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export, asked for in any dialect. `after` is a cursor, on the availability axis only."""

    app: str
    window: Window
    shape: Shape = "events"
    format: Format = "json"
    packing: Packing = "gzip"
    filters: Filters = field(default_factory=Filters)
    columns: tuple[str, ...] | None = None
    split: Split = "single"
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Increment:
    """Rows that became available after commit `after` and no later than commit `upto`."""

    after: int
    upto: int

    @property
    def whole(self) -> bool:
        """Whether no row was added before it: nothing needs to be left out at its low end."""
        return self.after == 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Cumulative counts of an app at a commit."""

    events: int
    fragments: int


@dataclass(frozen=True, slots=True)
class Part:
    """What a slice wrote: headless bytes that `assemble` joins to others."""

    object: str
    rows: int
    raw_bytes: int
    packed_bytes: int
    crc: int
    digest: int
    min_time: int | None
    max_time: int | None


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file of a finished export: what a client downloads."""

    name: str
    object: str
    rows: int
    bytes: int
    sha256: str
    content_sha256: str
    format: Format
    packing: Packing
    min_time: int | None
    max_time: int | None
