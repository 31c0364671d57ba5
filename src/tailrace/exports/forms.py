"""Forms: which shape, format, packing and split go together, and what is meant where nothing is said."""

from tailrace.model.errors import Invalid
from tailrace.model.export import ExportRequest, Format, Packing, Shape, Split
from tailrace.model.fields import FIELDS

_SPLITS: dict[Shape, tuple[Split, ...]] = {
    "events": ("single", "size", "hour", "day", "event"),
    "sessions": ("size", "single", "hour", "day"),
    "tables": ("event",),
}
_PACKINGS: dict[Format, tuple[Packing, ...]] = {
    "json": ("gzip", "none", "zstd", "zip"),
    "csv": ("gzip", "none", "zstd", "zip"),
    "xml": ("gzip", "none", "zstd", "zip"),
    "parquet": ("none", "zip"),
}
SMALLEST_FILE = 16_000_000  # bytes, of the split `size`; files are made of pieces, and smaller ones would often miss it


def default_split(shape: Shape) -> Split:
    """How files are split if the request does not say."""
    return _SPLITS[shape][0]


def default_packing(format_: Format) -> Packing:
    """How files are packed if the request does not say."""
    return _PACKINGS[format_][0]


def check_form(request: ExportRequest) -> None:
    """Refuse what no format can carry.

    Raises:
        Invalid: two choices do not go together.
    """
    _check_choice("split", request.split, f"the shape '{request.shape}'", _SPLITS[request.shape])
    _check_choice("packing", request.packing, f"the format '{request.format}'", _PACKINGS[request.format])
    if request.json_array and request.format != "json":
        raise Invalid("json_array", "is an option of the format 'json' only")
    if request.csv_safe and request.format != "csv":
        raise Invalid("csv_safe", "is an option of the format 'csv' only")
    if request.file_bytes < SMALLEST_FILE:
        raise Invalid("file_bytes", f"must be {SMALLEST_FILE} or more")
    if request.row_shape is not None and (request.shape != "events" or request.columns is not None):
        raise Invalid("row_shape", "goes with the shape 'events' and brings its own columns")
    if request.row_shape is not None and request.row_shape.open_ended and request.format != "json":
        raise Invalid("format", "rows with members that are not known before are JSON")
    if request.keep_empty and (request.split != "single" or request.packing == "zip"):
        raise Invalid("keep_empty", "goes with the split 'single' and files that are no archives")
    if request.tables:
        _check_tables(request)
    if request.nest is not None:
        _check_nest(request)
    if request.shape == "tables" and request.columns and "params" in request.columns:
        raise Invalid("columns", "the shape 'tables' has a column for each parameter; leave 'params' out")
    if request.shape == "sessions" and request.columns and not any(_of_session(name) for name in request.columns):
        raise Invalid("columns", "the shape 'sessions' needs a column of the session, such as 'session_id'")


def _check_tables(request: ExportRequest) -> None:
    """Tables of its own are files of a CSV archive."""
    form = (request.shape, request.format, request.packing)
    if form != ("tables", "csv", "zip") or request.columns is not None or request.after is not None:
        raise Invalid("tables", "go with the shape 'tables', the format 'csv' and the packing 'zip'")
    if not all(table.events for table in request.tables):
        raise Invalid("tables", "must each name their events")


def _check_nest(request: ExportRequest) -> None:
    if request.shape != "sessions" or request.split != "size" or request.columns is not None:
        raise Invalid("nest", "goes with the shape 'sessions' and the split 'size', and brings its own columns")
    if request.format not in ("json", "csv") or request.packing == "zip" or not request.filters.empty:
        raise Invalid("nest", "goes with the formats 'json' and 'csv', files that are no archives, and no filters")


def _of_session(name: str) -> bool:
    return FIELDS[name].grain == "session"


def _check_choice(where: str, chosen: str, by: str, offered: tuple[str, ...]) -> None:
    if chosen not in offered:
        others = ", ".join(f"'{one}'" for one in offered)
        raise Invalid(where, f"'{chosen}' does not go with {by}; choose {others}")
