"""Export requests, exports and manifests."""

from typing import Annotated, Any, Literal

import msgspec

from tailrace.exports.forms import SMALLEST_FILE
from tailrace.model.delivery import MOST_DELIVERIES
from tailrace.model.export import FILE_BYTES, ExportState, Format, Packing, Shape, Split
from tailrace.model.fields import EVENT_ROW_COLUMNS
from tailrace.model.predicates import MOST_PREDICATES
from tailrace.model.window import Axis
from tailrace.surfaces.native.documents.base import Count, Instant, Sha256, Strict
from tailrace.surfaces.native.documents.deliveries import DeliveryBody
from tailrace.surfaces.native.documents.schemas import PREDICATE, WINDOW
from tailrace.web.paging import PageQuery

Of = Literal["rows", "users"]
# What else must hold is checked, in words of their own, where they are parsed.
Column = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(EVENT_ROW_COLUMNS)})]
Columns = Annotated[list[Column], msgspec.Meta(extra_json_schema={"minItems": 1, "uniqueItems": True})]
Predicate = Annotated[dict[str, Any], msgspec.Meta(extra_json_schema=PREDICATE)]
Predicates = Annotated[list[Predicate], msgspec.Meta(extra_json_schema={"maxItems": MOST_PREDICATES})]
Deliveries = Annotated[list[DeliveryBody], msgspec.Meta(extra_json_schema={"maxItems": MOST_DELIVERIES})]
FileBytes = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": SMALLEST_FILE})]


class WindowBody(Strict, rename={"start": "from", "end": "to"}):
    """``window`` of an export request."""

    axis: Axis
    start: Instant | None = None
    end: Instant | None = None


class FiltersBody(Strict):
    """``filters`` of an export request."""

    events: list[str] = msgspec.field(default_factory=list)
    versions: list[str] = msgspec.field(default_factory=list)
    where: Predicates = msgspec.field(default_factory=list)


class ExportBody(Strict):
    """An export request. What an answer shows as ``request`` can be sent as it is; it leaves out the deliveries."""

    app: str
    window: Annotated[WindowBody, msgspec.Meta(extra_json_schema=WINDOW)]
    shape: Shape = "events"
    format: Format = "json"
    packing: Packing | None = None
    filters: FiltersBody = msgspec.field(default_factory=FiltersBody)
    columns: Columns | None = None
    split: Split | None = None
    after: str | None = None
    file_bytes: FileBytes = FILE_BYTES
    json_array: bool = False
    csv_safe: bool = False
    wait_until_complete: bool = False
    deliveries: Deliveries = msgspec.field(default_factory=list)


class ProgressDocument(Strict):
    """How far an export is. `slices` is null until it is planned."""

    slices: Count | None
    slices_done: Count
    percent: Annotated[int, msgspec.Meta(ge=0, le=100)]


class WaitingDocument(Strict):
    """What a queued export waits for: the end of its window, or that the window is complete.

    `until` is the end of the window, `complete_through` up to where nothing was missing at the latest look.
    """

    reason: Literal["window_end", "completeness"]
    until: Instant
    complete_through: Instant | None


class ExportDocument(Strict):
    """An export's state. Instants are ISO 8601 in UTC; `error` says what is in its way or why it failed."""

    id: str
    app: str
    state: ExportState
    progress: ProgressDocument
    created_at: Instant
    finished_at: Instant | None
    expires_at: Instant | None
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

    events: Count
    fragments: Count


class MemberDocument(Strict):
    """A file inside an archive."""

    name: str
    key: str | None
    of: Of
    rows: Count
    bytes: Count
    content_sha256: Sha256
    min_time: Instant | None
    max_time: Instant | None


class FileDocument(Strict):
    """A file of an export, and the link to download it."""

    name: str
    url: str
    key: str | None
    of: Of
    rows: Count
    bytes: Count
    sha256: Sha256
    content_sha256: Sha256
    format: Format
    packing: Packing
    min_time: Instant | None
    max_time: Instant | None
    members: list[MemberDocument] | None


class SchemaDocument(Strict):
    """The file that describes the rows, and the link to download it."""

    name: str
    url: str
    bytes: Count
    sha256: Sha256


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
    snapshot_seq: Count
    complete_through: Instant
    window: WindowBody
    cursor: str | None
    previous_cursor: str | None
    totals_before: TotalsDocument | None
    totals_after: TotalsDocument | None
    shape: Shape
    columns: list[Column]
    filtered: bool
    rows: Count
    bytes: Count
    files: list[FileDocument]
    schema: SchemaDocument
