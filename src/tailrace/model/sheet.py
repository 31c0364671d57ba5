"""Sheets: which columns a file has, in which order. That is a contract, so it is a value, made before anything runs."""

from msgspec import Struct

from tailrace.model.fields import Field, Kind

# The last column of the shape `sessions`.
EVENTS = Field("events", "json", "session", "scan", "The session's events, in order, with the event columns.")
PARAM_PREFIX = "params."


class Sheet(Struct, frozen=True):
    """One kind of row. `name` is what a row is called; `inner` are the columns of nested events, in `sessions` only.

    In a wide table the columns whose source is a parameter follow all others; `width` counts those others.
    """

    name: str
    columns: tuple[Field, ...]
    inner: tuple[Field, ...] = ()

    @property
    def width(self) -> int:
        """How many columns come before the parameters."""
        return sum(1 for column in self.columns if not is_param(column))

    @property
    def params(self) -> tuple[str, ...]:
        """Parameters that are columns, in order."""
        return tuple(column.source.removeprefix(PARAM_PREFIX) for column in self.columns if is_param(column))


def param_column(key: str, types: frozenset[str]) -> Field:
    """The column of a parameter whose values had these JSON types."""
    return Field(f"{PARAM_PREFIX}{key}", _kind(types), "event", f"{PARAM_PREFIX}{key}", "A parameter.")


def is_param(column: Field) -> bool:
    """Whether a column holds one parameter."""
    return column.source.startswith(PARAM_PREFIX)


def _kind(types: frozenset[str]) -> Kind:
    """One kind that holds values of all these JSON types; `any`, JSON text, where no other does."""
    types -= {"null"}
    if types == {"string"}:
        return "text"
    if types == {"boolean"}:
        return "bool"
    if types == {"integer"}:
        return "int"
    return "float" if types and types <= {"integer", "number"} else "any"
