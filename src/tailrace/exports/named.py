"""Tables that a request names itself: their keys, their sheets, and what must be read for them. Pure."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from tailrace.model.export import ExportRequest
from tailrace.model.fields import Field
from tailrace.model.predicates import Predicate
from tailrace.model.rows import RowShape
from tailrace.model.segment import EventStatistics, Statistics
from tailrace.model.sheet import PARAM_PREFIX, Sheet, param_column
from tailrace.model.tables import Table
from tailrace.store.predicates import needed_columns

PARAMS = "params"
Types = Mapping[str, frozenset[str]]


def keyed(request: ExportRequest) -> dict[str, Table]:
    """The tables of a request by key, which sorts as they stand in it.

    What is asked of all that is read need not be asked of the rows of a table again.
    """
    common = frozenset(request.reading.where)
    tables = (replace(t, where=tuple(p for p in t.where if p not in common)) for t in request.tables)
    return {f"{place:06d}": table for place, table in enumerate(tables)}


def needed(request: ExportRequest) -> tuple[str, ...]:
    """The canonical fields that its tables are made of and asked by."""
    shapes = {table.row_shape: None for table in request.tables}
    asked = needed_columns([predicate for table in request.tables for predicate in table.where])
    return tuple(dict.fromkeys((*(name for shape in shapes for name in shape.sources), *sorted(asked))))


def sheets(request: ExportRequest, statistics: Sequence[Statistics]) -> dict[str, Sheet]:
    """The sheet of each table by key: the columns of its shape, then those of what it spreads, in order of name."""
    known = _by_name(request, statistics)
    return {key: _sheet(table, known) for key, table in keyed(request).items()}


def may_hold(request: ExportRequest, known: Statistics) -> bool:
    """Whether statistics leave room for an event of a table: of one of its names, with all parameters that it needs."""
    return not request.tables or any(_may_hold(table, known) for table in request.tables)


def _may_hold(table: Table, known: Statistics) -> bool:
    params = {p.param for p in table.where if p.param is not None and _needs_value(p)}
    return any(params <= known.names[name].params.keys() for name in table.events if name in known.names)


def _needs_value(predicate: Predicate) -> bool:
    """Whether a missing parameter never matches."""
    return bool(predicate.values[0]) if predicate.op == "exists" else predicate.op != "neq"


def _by_name(request: ExportRequest, statistics: Sequence[Statistics]) -> dict[str, list[EventStatistics]]:
    found: dict[str, list[EventStatistics]] = {name: [] for name in request.reading.events}
    for known in statistics:
        for name in found.keys() & known.names.keys():
            found[name].append(known.names[name])
    return found


def _sheet(table: Table, known: Mapping[str, Sequence[EventStatistics]]) -> Sheet:
    shape = table.row_shape
    columns = tuple(column.field for column in shape.columns)
    spread = _spread(shape.spread, [one for name in table.events for one in known[name]]) if shape.spread else {}
    names = {column.name for column in columns}
    return Sheet(shape.row, (*columns, *(_column(shape, key, spread[key], names) for key in sorted(spread))))


def _spread(path: str, known: Sequence[EventStatistics]) -> Types:
    """Members that are columns, and their JSON types."""
    parent, _, name = path.partition(".")
    if parent == PARAMS and not name:
        found: dict[str, frozenset[str]] = {}
        for one in known:
            for key, types in one.params.items():
                found[key] = found.get(key, frozenset()).union(types)
        return found
    return dict.fromkeys((key for one in known for key in one.amounts.get(name, ())), frozenset(("any",)))


def _column(shape: RowShape, key: str, types: frozenset[str], taken: set[str]) -> Field:
    """The column of a member; its name is the member's, or longer where a column before it has that."""
    name = key
    while name in taken:
        name = f"{shape.spread}.{name}"
    taken.add(name)
    return replace(param_column(key, types), name=name, source=f"{PARAM_PREFIX}{key}")
