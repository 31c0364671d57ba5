"""Export requests, exports, estimates and manifests."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from tailrace.model.export import FINAL_STATES


class Window(Struct, frozen=True, omit_defaults=True, rename={"start": "from", "end": "to"}):
    """What time an export is about: half-open, instants in ISO 8601 with an offset from UTC."""

    axis: str = "event_time"
    start: str | None = None
    end: str | None = None


class Filters(Struct, frozen=True, omit_defaults=True):
    """Which events; empty means all."""

    events: list[str] = []
    versions: list[str] = []
    where: list[dict[str, Any]] = []


class ExportRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked for. Only what differs from the defaults is sent; docs/api.md says what each key means."""

    app: str
    window: Window
    shape: str = "events"
    format: str = "json"
    packing: str | None = None
    filters: Filters = Filters()
    columns: list[str] | None = None
    split: str | None = None
    after: str | None = None
    file_bytes: int | None = None
    json_array: bool = False
    csv_safe: bool = False
    wait_until_complete: bool = False
    deliveries: list[dict[str, Any]] = []


class Progress(Struct, frozen=True):
    """How far an export is; `slices` is None until it is planned."""

    slices: int | None = None
    slices_done: int = 0
    percent: int = 0


class Waiting(Struct, frozen=True):
    """What a queued export waits for, until when, and up to where nothing was missing at the latest look."""

    reason: str
    until: datetime | None = None
    complete_through: datetime | None = None


class Export(Struct, frozen=True, kw_only=True):
    """An export's state; `error` says what it waits for or why it failed."""

    id: str
    app: str
    state: str
    request: ExportRequest
    progress: Progress = Progress()
    created_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    waiting_for: Waiting | None = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether it will not change any more, but for its files' expiry."""
        return self.state in FINAL_STATES or self.finished_at is not None

    @property
    def succeeded(self) -> bool:
        """Whether its files are there."""
        return self.state == "succeeded"


class Estimate(Struct, frozen=True):
    """About what an export will be: events, never more than `at_most`; bytes of its files; seconds to make them."""

    events: int = 0
    at_most: int = 0
    bytes: int = 0
    seconds: float = 0.0


class Totals(Struct, frozen=True):
    """An app's counts at a commit."""

    events: int = 0
    fragments: int = 0


class Member(Struct, frozen=True, kw_only=True):
    """A file inside an archive."""

    name: str
    key: str | None = None
    of: str = "rows"
    rows: int = 0
    bytes: int = 0
    content_sha256: str = ""
    min_time: datetime | None = None
    max_time: datetime | None = None


class File(Member, frozen=True, kw_only=True):
    """A file of an export, and the link to download it."""

    sha256: str
    url: str = ""
    format: str = ""
    packing: str = ""
    members: list[Member] | None = None


class Schema(Struct, frozen=True, kw_only=True):
    """The file that describes the rows."""

    name: str
    bytes: int
    sha256: str
    url: str = ""


class Manifest(Struct, frozen=True, kw_only=True):
    """Everything about the files of an export that has succeeded."""

    export: str
    app: str
    request: ExportRequest
    window: Window
    rows: int
    bytes: int
    files: list[File]
    schema: Schema | None = None
    version: int = 1
    release: str = ""
    epoch: str = ""
    snapshot_seq: int = 0
    complete_through: datetime | None = None
    cursor: str | None = None
    previous_cursor: str | None = None
    totals_before: Totals | None = None
    totals_after: Totals | None = None
    shape: str = ""
    columns: list[str] = []
    filtered: bool = False


class ExportPage(Struct, frozen=True):
    """Some exports, newest first, and where the next page begins."""

    items: list[Export] = field(name="exports", default_factory=list)
    next: str | None = None
