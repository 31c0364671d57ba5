"""What can be asked for, and what it becomes."""

from typing import Literal, get_args

from msgspec import Struct, field

from tailrace.model.bundles import Arrivals
from tailrace.model.delivery import Delivery
from tailrace.model.predicates import Predicate
from tailrace.model.rows import Nest, RowShape
from tailrace.model.tables import Table
from tailrace.model.window import Window

Shape = Literal["events", "sessions", "tables"]
Format = Literal["json", "csv", "xml", "parquet"]
Packing = Literal["none", "gzip", "zstd", "zip"]
Split = Literal["single", "size", "hour", "day", "event"]
ExportState = Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"]

SHAPES: tuple[Shape, ...] = get_args(Shape)
FORMATS: tuple[Format, ...] = get_args(Format)
PACKINGS: tuple[Packing, ...] = get_args(Packing)
SPLITS: tuple[Split, ...] = get_args(Split)
FILE_BYTES = 256_000_000  # of a file of the split `size`, before packing
FINAL_STATES: frozenset[ExportState] = frozenset(("succeeded", "failed", "cancelled", "expired"))


class Filters(Struct, frozen=True):
    """Which events; empty means all. Names are alternatives, so are versions; all that is given must hold."""

    events: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    where: tuple[Predicate, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is filtered out."""
        return not (self.events or self.versions or self.where)


class ExportRequest(Struct, frozen=True):
    """One export, asked for in any dialect. `after` is a cursor, on the availability axis only.

    `file_bytes` bounds the files of the split `size`, before packing. `json_array` makes one array of the rows of a
    file, `csv_safe` guards spreadsheets against cells that look like formulas. With `wait_until_complete` a window on
    event time or session start is read once nothing that belongs to it is still on its way inside the server.

    A dialect may have rows of its own (`row_shape`, of the shape `events`), want a file even where there is no row
    (`keep_empty`, of the split `single`), and keep files for a time of its own (`file_life_ms`). It may name `tables`
    of its own instead, of the shape `tables`, and say what a row of the users table is (`users`): the sources of that
    are fields of sessions, and `profile` is what is known of the user as of the export.

    It may have sessions with all that is in them (`nest`, of the shape `sessions` and the split `size`), and of a
    window on session start only what became `available` in a second window.

    `arrivals` make it a bundle: a window on event time that is open at its beginning, of which they say what counts.
    `deliveries` are kept beside a request, not in it: one that is read again has none.
    """

    app: str
    window: Window
    shape: Shape = "events"
    format: Format = "json"
    packing: Packing = "gzip"
    filters: Filters = field(default_factory=Filters)
    columns: tuple[str, ...] | None = None
    split: Split = "single"
    after: str | None = None
    file_bytes: int = FILE_BYTES
    json_array: bool = False
    csv_safe: bool = False
    wait_until_complete: bool = False
    row_shape: RowShape | None = None
    keep_empty: bool = False
    file_life_ms: int | None = None
    tables: tuple[Table, ...] = ()
    users: RowShape | None = None
    nest: Nest | None = None
    available: Window | None = None
    arrivals: Arrivals | None = None
    deliveries: tuple[Delivery, ...] = ()

    @property
    def reading(self) -> Filters:
        """The filters that hold for all that is read: those of the request, and what all tables have in common."""
        if not self.tables:
            return self.filters
        events = tuple(sorted({name for table in self.tables for name in table.events}))
        first, *others = self.tables
        where = tuple(p for p in first.where if all(p in table.where for table in others))
        return Filters(events, self.filters.versions, (*self.filters.where, *where))


class Increment(Struct, frozen=True):
    """Rows that became available after commit `after` and no later than commit `upto`."""

    after: int
    upto: int

    @property
    def whole(self) -> bool:
        """Whether no row was added before it: nothing needs to be left out at its low end."""
        return self.after == 0


class Totals(Struct, frozen=True):
    """Cumulative counts of an app at a commit."""

    events: int
    fragments: int


class Piece(Struct, frozen=True):
    """Rows of one key as a part holds them: packed bytes at `offset`.

    `crc` is that of the `raw` bytes before packing, 0 where the packing needs none; `check` is the XXH3-64 of the
    packed bytes. Times in ms, of events, both ends included.
    """

    key: str
    offset: int
    packed: int
    raw: int
    rows: int
    crc: int
    check: int
    digest: int
    min_time: int
    max_time: int


class Part(Struct, frozen=True):
    """What a slice wrote: pieces without headers, by key and then in order, which `assemble` joins to others."""

    object: str
    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """Rows of all pieces."""
        return sum(piece.rows for piece in self.pieces)


class Member(Struct, frozen=True):
    """What one stretch of rows became: a file, or a member of an archive. `key` is what the split put there."""

    name: str
    key: str | None
    rows: int
    bytes: int
    content_sha256: str
    min_time: int | None
    max_time: int | None


class ExportFile(Struct, frozen=True):
    """One file of a finished export: what a client downloads. `members` are those of an archive."""

    name: str
    object: str
    key: str | None
    rows: int
    bytes: int
    sha256: str
    content_sha256: str
    format: Format
    packing: Packing
    media_type: str
    min_time: int | None
    max_time: int | None
    members: tuple[Member, ...] = ()
