"""Filters as predicates. What an event does not have, has as null or as an empty text fits no filter, `neq` neither.

The engine's `neq` fits what is missing, and its `exists` an empty text (docs/predicates.md): so each filtered parameter
must be there and not empty first. A text that reads as a number is compared as one, as the engine does on its side.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from tailrace.model.predicates import MOST_PREDICATES, MOST_VALUES, ORDERINGS, Op, Predicate, Value
from tailrace.surfaces.devtodev.errors import Refused
from tailrace.surfaces.devtodev.fields import as_object, misfit

OPERATORS: tuple[Op, ...] = ("gt", "lt", "eq", "gte", "lte", "neq")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LARGEST = math.nextafter(math.inf, 0)


def parse_filters(value: Any, path: str) -> tuple[Predicate, ...]:
    """The conditions of one element, all of which must hold; null and an empty object are none.

    Raises:
        Refused: something is of the wrong type, or no operator.
    """
    filters = {} if value is None else as_object(value, path)
    found = tuple(one for name in filters for one in _of_param(name, filters[name], f"{path}.{name}"))
    if len(found) > MOST_PREDICATES or sum(len(one.values) for one in found) > MOST_VALUES:
        raise Refused(5, path, "object", "smaller object")
    return found


def _of_param(param: str, value: Any, path: str) -> Iterator[Predicate]:
    yield Predicate(param, None, "exists", (True,))
    yield Predicate(param, None, "neq", ("",))
    for operator, operand in as_object(value, path).items():
        yield _condition(param, operator, operand, f"{path}.{operator}")


def _condition(param: str, operator: str, operand: Any, path: str) -> Predicate:
    op = next((one for one in OPERATORS if one == operator), None)
    if op is None:
        raise misfit(path, operand, f"one of {', '.join(OPERATORS)}")
    if op in ORDERINGS:
        return Predicate(param, None, op, (_bound(operand, path),))
    values = tuple(_scalar(one, path) for one in operand) if isinstance(operand, list) else (_scalar(operand, path),)
    if values:
        return Predicate(param, None, op, values)
    # Nothing is in an empty list, and everything that is there is outside it.
    return Predicate(param, None, "exists", (op == "neq",))


def _bound(value: Any, path: str) -> Value:
    number = _number(value)
    if number is None:
        raise misfit(path, value, "number")
    return number


def _scalar(value: Any, path: str) -> Value:
    if not isinstance(value, bool | str | int | float):
        raise misfit(path, value, "string")
    number = _number(value)
    return value if number is None else number


def _number(value: Any) -> int | float | None:
    """A number, or a text that reads as one; None for anything else, and for a text beyond the largest double.

    What does not fit 64 bits is a double, as the engine has it.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _read(value) if _NUMBER.fullmatch(value) else None
    return value if isinstance(value, float) else _fitted(value) if isinstance(value, int) else None


def _read(text: str) -> int | float | None:
    if len(text) <= len(str(1 << 63)) and text.lstrip("-").isdigit():
        return _fitted(int(text))
    number = float(text)
    return number if math.isfinite(number) else None


def _fitted(number: int) -> int | float:
    if -(1 << 63) <= number < 1 << 64:
        return number
    try:
        return float(number)
    except OverflowError:
        return _LARGEST if number > 0 else -_LARGEST
