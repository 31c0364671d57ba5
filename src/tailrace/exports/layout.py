"""The layout of an export: which sheets its files have, by what rows are split, how parts are packed. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from tailrace.exports import named
from tailrace.formats.encoders import Encoder, encoder_of
from tailrace.formats.packing import Store
from tailrace.model.export import ExportRequest, Format, Shape, Split
from tailrace.model.fields import DEFAULT_EVENT_COLUMNS, FIELDS, SESSION_FIELDS, Field
from tailrace.model.rows import Column, Nest, RowShape
from tailrace.model.segment import Statistics
from tailrace.model.sheet import EVENTS, Sheet, param_column
from tailrace.model.tables import Table

USERS = "\x00users"  # the key of the users table; no event name can hold a NUL

# Columns that come before the parameters in a wide table.
TABLE_COLUMNS: tuple[str, ...] = (
    *("id", "time", "received_at", "session_id", "user_id", "device_id", "session_start", "app_version", "platform"),
    *("country", "value", "info", "duration_ms", "level", "is_tester", "is_cheater", "is_paying"),
    *("amount", "currency", "amount_usd", "state"),
)
_PLAIN = RowShape(())
_SESSION_DEFAULTS = tuple(f.name for f in SESSION_FIELDS if f.name in DEFAULT_EVENT_COLUMNS)

# What is known of a user from the sessions of an export; the newest session that knows it counts.
USER_FIELDS: tuple[Field, ...] = tuple(
    FIELDS[name]
    for name in (
        *("user_number", "actor", "session_user_id", "device_id", "first_seen", "registered_at"),
        *("user_name", "user_email", "gender", "birth_year", "user_attributes", "country", "region", "city", "locale"),
        *("timezone", "platform", "os_name", "os_version", "device_manufacturer", "device_model", "app_version"),
    )
)
USER_COUNTS: tuple[Field, ...] = (
    Field("sessions", "int", "session", "scan", "Sessions of the user in this export."),
    Field("events", "int", "session", "scan", "Events of the user in this export."),
    Field("last_session_start", "time", "session", "scan", "When the last of them began."),
)


class Layout(Struct, frozen=True):
    """How rows become files. `sheets` is by table for wide tables, else there is one, under the empty name.

    `passing` says that parts are written over once they were read; `merge` that fragments of a session are to be one
    row, or rows that say the same of it. `row_shape` is what a dialect makes of rows. `tables` are those that the
    request names, by key, in order; `users` is what a row of its users table is.
    """

    shape: Shape
    format: Format
    split: Split
    store: Store
    passing: bool
    sheets: Mapping[str, Sheet]
    json_array: bool
    csv_safe: bool
    merge: bool
    row_shape: RowShape | None = None
    tables: Mapping[str, Table] = field(default_factory=dict)
    users: RowShape | None = None
    nest: Nest | None = None

    @property
    def row(self) -> str:
        """What a row is called."""
        if self.row_shape is not None:
            return self.row_shape.row
        return "session" if self.shape == "sessions" else "event"

    @property
    def encoder(self) -> Encoder:
        """What writes rows."""
        shape = self.row_shape or _PLAIN
        array, safe, nulls = self.json_array, self.csv_safe, shape.nulls
        sure = self.nest is not None
        return encoder_of(self.format, self.row, root=shape.root, array=array, safe=safe, nulls=nulls, sure=sure)

    def label(self, key: str) -> str:
        """What the rows of a key are called."""
        return self.tables[key].name if key in self.tables else key

    def keeps_empty(self, key: str) -> bool:
        """Whether there is to be a file of a key without rows, where other keys have some."""
        return key in self.tables and self.tables[key].keep_empty

    def sheet(self, key: str) -> Sheet:
        """The sheet of a file that holds the rows of a key."""
        return self.sheets[key if self.shape == "tables" or self.nest is not None else ""]


def make_layout(
    request: ExportRequest, statistics: Sequence[Statistics], *, increment: bool, passing: bool = False
) -> Layout:
    """The layout of an export over segments of which these statistics are known.

    With `passing` nobody will want to continue from the parts, so those that need not wait pass.
    """
    passing = passing and streamed(request) and _passes(request)
    return Layout(
        shape=request.shape,
        format=request.format,
        split=request.split,
        store=_store(request, passing=passing),
        passing=passing,
        sheets=_sheets(request, statistics),
        json_array=request.json_array,
        csv_safe=request.csv_safe,
        merge=merges(request, statistics, increment=increment),
        row_shape=request.row_shape,
        tables=named.keyed(request),
        users=request.users,
        nest=request.nest,
    )


def merges(request: ExportRequest, statistics: Sequence[Statistics], *, increment: bool) -> bool:
    """Whether fragments are put together to sessions: a window does so, where there are fragments beyond the first."""
    if request.nest is not None:  # of fragments that became available later, those of one session may be one row, too
        return request.nest.whole_sessions and any(s.late_fragments for s in statistics)
    whole = request.shape == "sessions" or (request.row_shape is not None and request.row_shape.whole_sessions)
    return whole and not increment and any(s.late_fragments for s in statistics)


def columns_of(request: ExportRequest) -> tuple[str, ...]:
    """Names of the canonical columns of an export, in order, those of nested events last."""
    if request.row_shape is not None:
        return request.row_shape.sources
    if request.tables:
        return named.needed(request)
    if request.nest is not None:
        return request.nest.sources
    if request.shape == "tables":
        return request.columns or TABLE_COLUMNS
    return request.columns or DEFAULT_EVENT_COLUMNS


def sheet_of(request: ExportRequest) -> Sheet:
    """The sheet of the shapes `events` and `sessions`."""
    if request.row_shape is not None:
        return Sheet(request.row_shape.row, tuple(column.field for column in request.row_shape.columns))
    fields = [FIELDS[name] for name in columns_of(request)]
    if request.shape == "events":
        return Sheet("event", tuple(fields))
    own = [field for field in fields if field.grain == "session"]
    if request.columns is None:
        own = [FIELDS[name] for name in _SESSION_DEFAULTS]
    inner = tuple(field for field in fields if field.grain == "event")
    return Sheet("session", (*own, EVENTS), inner) if inner else Sheet("session", tuple(own))


def kin_sheets(request: ExportRequest, nest: Nest) -> dict[str, Sheet]:
    """The sheet of each table of kin; where sessions hold all else, theirs alone, under the empty name."""
    tables = nest.tables[:1] if request.format == "json" else nest.tables
    nested = request.format == "json"
    return {"" if nested else table.name: Sheet(table.kin, kin_fields(table.columns)) for table in tables}


def kin_fields(columns: Sequence[Column]) -> tuple[Field, ...]:
    """Columns of kin as encoders know them: each of its rows stands for itself."""
    return tuple(replace(column.field, grain="event") for column in columns)


def _sheets(request: ExportRequest, statistics: Sequence[Statistics]) -> dict[str, Sheet]:
    if request.nest is not None:
        return kin_sheets(request, request.nest)
    if request.shape != "tables":
        return {"": sheet_of(request)}
    if request.tables:
        return {USERS: _users(request)} | named.sheets(request, statistics)
    base = tuple(FIELDS[name] for name in columns_of(request))
    tables = {
        name: Sheet("event", (*base, *(param_column(key, types) for key, types in sorted(params.items()))))
        for name, params in sorted(_params(statistics, request.filters.events).items())
    }
    return tables | {USERS: _users(request)}


def _users(request: ExportRequest) -> Sheet:
    """The sheet of the users table."""
    if request.users is None:
        return Sheet("user", (*USER_FIELDS, *USER_COUNTS))
    return Sheet(request.users.row, tuple(column.field for column in request.users.columns))


def _params(statistics: Sequence[Statistics], names: Iterable[str]) -> dict[str, dict[str, frozenset[str]]]:
    """Parameters of each event name and the JSON types that they had: all that can occur."""
    wanted = frozenset(names)
    found: dict[str, dict[str, frozenset[str]]] = {}
    for known in statistics:
        for name, event in known.names.items():
            if not wanted or name in wanted:
                params = found.setdefault(name, {})
                for key, types in event.params.items():
                    params[key] = params.get(key, frozenset()).union(types)
    return found


def streamed(request: ExportRequest) -> bool:
    """Whether files are written while later slices still run: no key has to be waited for."""
    tables = request.nest is not None and request.format != "json"
    return request.split in ("single", "size") and request.packing != "zip" and not tables


def _passes(request: ExportRequest) -> bool:
    """Whether parts are of no use afterwards: deflated ones that leave nothing out are kept for repeats."""
    return request.packing != "gzip" or not request.filters.empty


def _store(request: ExportRequest, *, passing: bool) -> Store:
    if request.packing in ("gzip", "zip") and request.format != "parquet":
        return "deflate"
    return "plain" if passing or request.format == "parquet" else "lz4"
