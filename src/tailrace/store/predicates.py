"""Predicates on batches of events: which of them match. Their meaning stands in docs/predicates.md.

Parameters are judged once per distinct JSON text of a batch, fields on their column.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.jsontext import decode, extract_all
from tailrace.model.fields import FIELDS
from tailrace.model.predicates import Op, Predicate, Value

Mask = npt.NDArray[np.bool_]

_EXACT = 1 << 53  # below it every integer is a double of its own
_INTEGER = r"^-?(0|[1-9]\d*)$"
_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
_ORDERS: dict[Op, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
# The integer that parts the integers as a number between two of them does.
_ROUND: dict[Op, Callable[[float], int]] = {"gt": math.floor, "gte": math.ceil, "lt": math.ceil, "lte": math.floor}
_TEXT_ORDERS: dict[Op, Any] = {"gt": pc.greater, "gte": pc.greater_equal, "lt": pc.less, "lte": pc.less_equal}


def needed_columns(predicates: Sequence[Predicate]) -> frozenset[str]:
    """The fields that must be read to judge."""
    return frozenset("params" if predicate.field is None else predicate.field for predicate in predicates)


def split(predicates: Sequence[Predicate]) -> tuple[tuple[Predicate, ...], tuple[Predicate, ...]]:
    """Those on fields of sessions, which can be judged per fragment, and those on events."""
    session = tuple(p for p in predicates if _is_of_session(p))
    return session, tuple(p for p in predicates if not _is_of_session(p))


def keep(predicates: Sequence[Predicate], fragments: pa.Table, parent: pa.Array, events: pa.Table) -> Mask:
    """Which events match all predicates; event i belongs to row `parent[i]` of `fragments`."""
    session, inner = split(predicates)
    mask: Mask = matching(session, fragments)[parent.to_numpy(zero_copy_only=False)]
    if inner and mask.any():
        wanted = events.select(sorted(needed_columns(inner)))
        mask[mask] = matching(inner, wanted if mask.all() else wanted.filter(pa.array(mask)))
    return mask


def matching(predicates: Sequence[Predicate], table: pa.Table) -> Mask:
    """Which rows of a table match all predicates; all of these are of its grain."""
    mask = np.ones(table.num_rows, dtype=np.bool_)
    for predicate in predicates:
        if predicate.field is not None:
            mask &= _test(predicate, _cells(table[predicate.field], predicate.field))
    on_params = [predicate for predicate in predicates if predicate.field is None]
    if on_params and mask.any():
        texts = _whole(table["params"])
        mask[mask] = _on_params(on_params, texts if mask.all() else texts.filter(pa.array(mask)))
    return mask


def _is_of_session(predicate: Predicate) -> bool:
    return predicate.field is not None and FIELDS[predicate.field].grain == "session"


def _on_params(predicates: Sequence[Predicate], texts: pa.Array) -> Mask:
    mask = np.ones(len(texts), dtype=np.bool_)
    keys = list(dict.fromkeys(predicate.param or "" for predicate in predicates))
    for key, values in zip(keys, extract_all(texts, keys), strict=True):
        distinct = values.dictionary_encode(null_encoding="encode")
        cells, codes = _json_cells(distinct.dictionary), distinct.indices.to_numpy()
        for predicate in predicates:
            if predicate.param == key:
                mask &= _test(predicate, cells)[codes]
    return mask


class _Cells(Protocol):
    """Values of a column, ready to be compared. What is missing equals nothing, has no order and contains nothing."""

    @property
    def present(self) -> Mask: ...

    def equal(self, values: Sequence[Value]) -> Mask: ...

    def ordered(self, op: Op, bound: Value) -> Mask: ...

    def containing(self, parts: Sequence[Value]) -> Mask: ...


def _test(predicate: Predicate, cells: _Cells) -> Mask:
    match predicate.op:
        case "exists":
            return cells.present if predicate.values[0] else ~cells.present
        case "eq":
            return cells.equal(predicate.values)
        case "neq":
            return ~cells.equal(predicate.values)
        case "contains":
            return cells.containing(predicate.values)
        case order:
            return cells.ordered(order, predicate.values[0])


@dataclass(frozen=True)
class _Texts:
    """Values by their text: what a string says, other JSON as it was sent; null is missing.

    `string` tells the strings among them, `scalar` all but objects and arrays.
    """

    text: pa.Array
    string: Mask
    scalar: Mask

    @cached_property
    def present(self) -> Mask:
        """Where there is a value."""
        return _numpy(self.text.is_valid())

    @cached_property
    def numeric(self) -> Mask:
        """Where a number stands, or a string that reads as one."""
        return self.scalar & _true(pc.match_substring_regex(self.text, _NUMBER))

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        """The numbers as doubles; NaN elsewhere, which nothing compares with."""
        texts = pc.if_else(pa.array(self.numeric), self.text, pa.scalar(None, pa.string()))
        numbers: npt.NDArray[np.float64] = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
        return numbers

    def equal(self, values: Sequence[Value]) -> Mask:
        """Texts and truth values by text, numbers by value."""
        texts = [_spelled(value) for value in values if isinstance(value, str | bool)]
        numbers = [value for value in values if not isinstance(value, str | bool)]
        found = self.scalar & _is_in(self.text, texts) if texts else np.zeros(len(self.text), dtype=np.bool_)
        return found | self._equal_numbers(numbers) if numbers else found

    def _equal_numbers(self, values: Sequence[int | float]) -> Mask:
        """As doubles; but a large integer equals an integer only digit for digit."""
        large = [value for value in values if _is_large(value)]
        found = np.isin(self.numbers, np.array([v for v in values if not _is_large(v)], np.float64))
        if not large:
            return found
        exact = self.scalar & _is_in(self.text, [str(value) for value in large])
        integer = _true(pc.match_substring_regex(self.text, _INTEGER))
        return found | exact | (~integer & np.isin(self.numbers, np.array(large, np.float64)))

    def ordered(self, op: Op, bound: Value) -> Mask:
        """Strings by code points against a text, numbers against a number."""
        if isinstance(bound, str):
            return self.string & _true(_TEXT_ORDERS[op](self.text, pa.scalar(bound)))
        found: Mask = _ORDERS[op](self.numbers, float(bound))
        return found

    def containing(self, parts: Sequence[Value]) -> Mask:
        """Those with one of the parts in their text."""
        found = np.zeros(len(self.text), dtype=np.bool_)
        for part in parts:
            found |= _true(pc.match_substring(self.text, str(part)))
        return found


@dataclass(frozen=True)
class _Numbers:
    """A column of integers or doubles; where nothing is present, `values` means nothing."""

    values: npt.NDArray[Any]
    present: Mask

    def equal(self, values: Sequence[Value]) -> Mask:
        """By value, exactly."""
        numbers = [value for value in values if not isinstance(value, str)]
        if self.values.dtype.kind == "i":
            numbers = [int(value) for value in numbers if _is_int64(value)]
        return self.present & np.isin(self.values, np.array(numbers, self.values.dtype))

    def ordered(self, op: Op, bound: Value) -> Mask:
        """By value, exactly."""
        limit = _ROUND[op](float(bound)) if isinstance(bound, float) and self.values.dtype.kind == "i" else bound
        found: Mask = _ORDERS[op](self.values, limit)
        return self.present & found

    def containing(self, parts: Sequence[Value]) -> Mask:
        """None: parsing refuses it."""
        raise NotImplementedError(f"numbers contain nothing: {parts}")


def _cells(column: pa.ChunkedArray, name: str) -> _Cells:
    """A field's column. Truth values are their JSON texts; the text of `json` is no string and no scalar."""
    array, kind = _whole(column), FIELDS[name].kind
    present = _numpy(array.is_valid())
    if kind in ("int", "float", "time"):
        return _Numbers(array.fill_null(0).to_numpy(), present)
    none = np.zeros(len(array), dtype=np.bool_)
    if kind == "bool":
        return _Texts(pc.cast(array, pa.string()), none, present)
    return _Texts(array, none, none) if kind == "json" else _Texts(array, present, present)


def _json_cells(raw: pa.Array) -> _Texts:
    """Raw JSON texts; JSON null is missing."""
    raw = pc.if_else(pc.equal(raw, "null"), pa.scalar(None, pa.string()), raw)
    string = _true(pc.starts_with(raw, '"'))
    nested = _true(pc.match_substring_regex(raw, r"^[{\[]"))
    text = pc.replace_with_mask(raw, pa.array(string), decode(raw.filter(pa.array(string))))
    return _Texts(text, string, ~nested & _numpy(raw.is_valid()))


def _spelled(value: Value) -> str:
    """A text itself; a truth value as JSON writes it."""
    return value if isinstance(value, str) else str(value).lower()


def _is_large(value: float) -> bool:
    return isinstance(value, int) and abs(value) >= _EXACT


def _is_int64(value: float) -> bool:
    return -(1 << 63) <= value < 1 << 63 and value == int(value)


def _is_in(texts: pa.Array, wanted: Sequence[str]) -> Mask:
    return _numpy(pc.is_in(texts, value_set=pa.array(wanted, pa.string())))


def _true(found: pa.Array) -> Mask:
    """Where it is true: null is not."""
    return _numpy(pc.fill_null(found, fill_value=False))


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _numpy(column: pa.Array) -> Mask:
    mask: Mask = column.to_numpy(zero_copy_only=False)
    return mask
