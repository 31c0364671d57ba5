"""Predicates: conditions on what events hold. Their meaning stands in docs/predicates.md; here they are parsed."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from msgspec import Struct

from tailrace.model.clock import iso, parse_iso
from tailrace.model.errors import Invalid
from tailrace.model.fields import FIELDS, Field, Kind

Op = Literal["eq", "neq", "gt", "gte", "lt", "lte", "exists", "contains"]
Value = str | int | float | bool

OPS: tuple[Op, ...] = get_args(Op)
ORDERINGS: frozenset[Op] = frozenset(("gt", "gte", "lt", "lte"))
MOST_PREDICATES = 100
MOST_VALUES = 10_000  # of all predicates of a request together
MOST_PARTS = 100  # of one `contains`: each is a search of its own
_KEYS = ("param", "field", "op", "value")
_EARLIEST, _LATEST = parse_iso("0001-01-01T00:00:00Z"), parse_iso("9999-12-31T23:59:59.999Z")

_KIND_OPS: dict[Kind, frozenset[Op]] = {
    "text": frozenset(OPS),
    "int": frozenset(OPS) - {"contains"},
    "float": frozenset(OPS) - {"contains"},
    "time": frozenset(OPS) - {"contains"},
    "bool": frozenset(("eq", "neq", "exists")),
    "json": frozenset(("contains", "exists")),
}


class Predicate(Struct, frozen=True):
    """One condition, on a parameter or on a field: exactly one of the two names is given.

    Several `values` are alternatives. For a field of times they are milliseconds UTC. Only what asks the same is equal:
    `true` never matches a number, so that 1 and True, equal in Python, are two conditions.
    """

    param: str | None
    field: str | None
    op: Op
    values: tuple[Value, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Predicate) and self._asked == other._asked

    def __hash__(self) -> int:
        return hash(self._asked)

    @property
    def _asked(self) -> tuple[object, ...]:
        return self.param, self.field, self.op, tuple((type(value), value) for value in self.values)

    def document(self) -> dict[str, Any]:
        """The JSON object that asks for it: it parses to an equal predicate."""
        name = {"param": self.param} if self.field is None else {"field": self.field}
        is_time = self.field is not None and FIELDS[self.field].kind == "time" and self.op != "exists"
        values = [iso(int(value)) for value in self.values] if is_time else list(self.values)
        return {**name, "op": self.op, "value": values[0] if len(values) == 1 else values}


def parse_predicates(raw: Sequence[Mapping[str, Any]], path: str = "filters.where") -> tuple[Predicate, ...]:
    """Predicates that make sense, of a list of JSON objects.

    Raises:
        Invalid: one does not; its path below `path` is named.
    """
    if len(raw) > MOST_PREDICATES:
        raise Invalid(path, f"holds {len(raw)} predicates; give at most {MOST_PREDICATES}")
    predicates = tuple(_predicate(one, f"{path}[{place}]") for place, one in enumerate(raw))
    if (count := sum(len(predicate.values) for predicate in predicates)) > MOST_VALUES:
        raise Invalid(path, f"holds {count} values; give at most {MOST_VALUES} in all predicates together")
    return predicates


def _predicate(raw: Mapping[str, Any], path: str) -> Predicate:
    if not isinstance(raw, Mapping):
        raise Invalid(path, 'must be an object such as {"param": "level", "op": "gt", "value": 5}')
    for key in raw:
        if key not in _KEYS:
            raise Invalid(f"{path}.{key}", f"there is no such key; a predicate has {', '.join(_KEYS)}")
    param, field = _text_at(raw, "param", path), _field_at(raw, path)
    if (param is None) == (field is None):
        raise Invalid(path, "name either a param or a field")
    op = _op_at(raw, field, path)
    return Predicate(param, field.name if field else None, op, _values_at(raw, field, op, f"{path}.value"))


def _text_at(raw: Mapping[str, Any], key: str, path: str) -> str | None:
    if (text := raw.get(key)) is None:
        return None
    if not isinstance(text, str) or not _is_unicode(text):
        raise Invalid(f"{path}.{key}", "must be text")
    return text


def _field_at(raw: Mapping[str, Any], path: str) -> Field | None:
    if (name := _text_at(raw, "field", path)) is None:
        return None
    if name not in FIELDS:
        raise Invalid(f"{path}.field", f"there is no field {name!r}; see docs/fields.md, or name a parameter as param")
    return FIELDS[name]


def _op_at(raw: Mapping[str, Any], field: Field | None, path: str) -> Op:
    op: Op = raw.get("op", "")
    if op not in OPS:
        raise Invalid(f"{path}.op", f"must be one of {', '.join(OPS)}")
    if field is not None and op not in _KIND_OPS[field.kind]:
        known = ", ".join(each for each in OPS if each in _KIND_OPS[field.kind])
        raise Invalid(
            f"{path}.op", f"means nothing for {field.name}, which is of kind {field.kind}; use one of {known}"
        )
    return op


def _values_at(raw: Mapping[str, Any], field: Field | None, op: Op, path: str) -> tuple[Value, ...]:
    if op == "exists":
        return (_existence(raw.get("value", True), path),)
    if (value := raw.get("value")) is None:
        raise Invalid(path, 'is needed; to ask whether there is a value at all, use "op": "exists"')
    check = _reader(field, op)
    if isinstance(value, list | tuple):
        return tuple(check(one, f"{path}[{place}]") for place, one in enumerate(_several(value, op, path)))
    return (check(value, path),)


def _existence(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise Invalid(path, "must be true or false")
    return value


def _several(values: Sequence[Any], op: Op, path: str) -> Sequence[Any]:
    if op in ORDERINGS:
        raise Invalid(path, f"must be one value, not a list: {op} compares with a single bound")
    if not values:
        raise Invalid(path, "must not be an empty list; leave the predicate out, or give a value")
    if op == "contains" and len(values) > MOST_PARTS:
        raise Invalid(path, f"holds {len(values)} texts; give at most {MOST_PARTS} to one contains")
    return values


_Reader = Callable[[Any, str], Value]


def _reader(field: Field | None, op: Op) -> _Reader:
    """What reads one value: a parameter may hold anything, a field holds one kind of value."""
    if op == "contains":
        return _text
    if field is not None:
        return _READERS[field.kind]
    return _bound if op in ORDERINGS else _scalar


def _text(value: Any, path: str) -> Value:
    if not isinstance(value, str):
        raise Invalid(path, "must be text")
    if not _is_unicode(value):
        raise Invalid(path, "holds half of a surrogate pair, which is not text")
    return value


def _number(value: Any, path: str) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(path, "must be a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid(path, "must be a finite number")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        raise Invalid(path, "is an integer of more than 64 bits; write it as text, or with an exponent")
    return value


def _bool(value: Any, path: str) -> Value:
    return _existence(value, path)


def _time(value: Any, path: str) -> Value:
    try:
        instant = parse_iso(value) if isinstance(value, str) else value
    except ValueError as error:
        raise Invalid(path, f"must be an ISO 8601 instant such as 2026-01-02T03:04:05Z: {error}") from None
    if isinstance(instant, bool) or not isinstance(instant, int):
        raise Invalid(path, "must be an ISO 8601 instant such as 2026-01-02T03:04:05Z, or milliseconds since 1970")
    if not _EARLIEST <= instant <= _LATEST:
        raise Invalid(path, "is not between the years 1 and 9999; give milliseconds since 1970")
    return instant


def _scalar(value: Any, path: str) -> Value:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int | float):
        return _number(value, path)
    raise Invalid(path, "must be text, a number, true or false")


def _bound(value: Any, path: str) -> Value:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Invalid(path, "must be a number or text: nothing else has an order")
    return _scalar(value, path)


_READERS: dict[Kind, _Reader] = {
    "text": _text,
    "json": _text,
    "int": _number,
    "float": _number,
    "bool": _bool,
    "time": _time,
}


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
