"""Export requests, exports and manifests."""

from typing import Annotated, Any, Literal

import msgspec

from tailrace.model.export import FILE_BYTES, ExportState, Format, Packing, Shape, Split
from tailrace.model.window import Axis
from tailrace.surfaces.native.documents.base import Strict
from tailrace.web.paging import PageQuery


class WindowBody(Strict, rename={"start": "from", "end": "to"}):
    """``window`` of an export request."""

    axis: Axis
    start: str | None = None
    end: str | None = None


class FiltersBody(Strict):
    """``filters`` of an export request."""

    events: list[str] = msgspec.field(default_factory=list)
    versions: list[str] = msgspec.field(default_factory=list)
    where: list[dict[str, Any]] = msgspec.field(default_factory=list)


class ExportBody(Strict):
    """An export request. What an answer shows as ``request`` can be sent as it is."""

    app: str
    window: WindowBody
    shape: Shape = "events"
    format: Format = "json"
    packing: Packing | None = None
    filters: FiltersBody = msgspec.field(default_factory=FiltersBody)
    columns: list[str] | None = None
    split: Split | None = None
    after: str | None = None
    file_bytes: int = FILE_BYTES
    json_array: bool = False
    csv_safe: bool = False
    wait_until_complete: bool = False


class ProgressDocument(Strict):
    """How far an export is. `slices` is null until it is planned."""

    slices: int | None
    slices_done: int
    percent: int


class WaitingDocument(Strict):
    """What a queued export waits for: the end of its window, or that the window is complete.

    `until` is the end of the window, `complete_through` up to where nothing was missing at the latest look.
    """

    reason: Literal["window_end", "completeness"]
    until: str
    complete_through: str | None


class ExportDocument(Strict):
    """An export's state. Instants are ISO 8601 in UTC; `error` says what is in its way or why it failed."""

    id: str
    app: str
    state: ExportState
    progress: ProgressDocument
    created_at: str
    finished_at: str | None
    expires_at: str | None
    waiting_for: WaitingDocument | None
    error: str | None
    request: ExportBody


class ExportQuery(Strict):
    """How long to wait for the export's next state, in seconds."""

    wait: Annotated[int, msgspec.Meta(ge=0, le=60)] = 0


class ExportsQuery(PageQuery):
    """Which exports."""

    app: str | None = None
    state: ExportState | None = None


class ExportsDocument(Strict):
    """Exports, newest first; `next` goes on where they end."""

    exports: list[ExportDocument]
    next: str | None


class EstimateDocument(Strict):
    """About what an export would hold, and the seconds that making it would take. Events are no more than `at_most`."""

    events: int
    at_most: int
    bytes: int
    seconds: int


class TotalsDocument(Strict):
    """An app's counts at a commit."""

    events: int
    fragments: int


class MemberDocument(Strict):
    """A file inside an archive."""

    name: str
    key: str | None
    of: str
    rows: int
    bytes: int
    content_sha256: str
    min_time: str | None
    max_time: str | None


class FileDocument(Strict):
    """A file of an export, and the link to download it."""

    name: str
    url: str
    key: str | None
    of: str
    rows: int
    bytes: int
    sha256: str
    content_sha256: str
    format: Format
    packing: Packing
    min_time: str | None
    max_time: str | None
    members: list[MemberDocument] | None


class SchemaDocument(Strict):
    """The file that describes the rows, and the link to download it."""

    name: str
    url: str
    bytes: int
    sha256: str


class ManifestDocument(Strict):
    """Everything about the files of an export that has succeeded."""

    version: int
    release: str
    timezone_rules: str
    schema_version: int
    export: str
    app: str
    request: ExportBody
    epoch: str
    snapshot_seq: int
    complete_through: str
    window: WindowBody
    cursor: str | None
    previous_cursor: str | None
    totals_before: TotalsDocument | None
    totals_after: TotalsDocument | None
    shape: Shape
    columns: list[str]
    filtered: bool
    rows: int
    bytes: int
    files: list[FileDocument]
    schema: SchemaDocument
