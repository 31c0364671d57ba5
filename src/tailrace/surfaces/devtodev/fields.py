"""Fields of requests: there or not, and of which type, in the words of the document's errors."""

from collections.abc import Mapping
from typing import Any

from tailrace.surfaces.devtodev.errors import Refused

_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def misfit(path: str, value: object, expected: str) -> Refused:
    """A field whose value is of another type than `expected`."""
    return Refused(5, path, _TYPES[type(value)], expected)


def required(fields: Mapping[str, Any], name: str, path: str = "") -> Any:
    """The value of a field that must be there; null is as if it were not.

    Raises:
        Refused: it is not.
    """
    if (value := fields.get(name)) is None:
        raise Refused(4, f"{path}{name}")
    return value


def as_text(value: Any, path: str) -> str:
    """A value that must be a string.

    Raises:
        Refused: it is none.
    """
    if not isinstance(value, str):
        raise misfit(path, value, "string")
    return value


def as_number(value: Any, path: str) -> int | float:
    """A value that must be a number.

    Raises:
        Refused: it is none; a string of digits is none either.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise misfit(path, value, "number")
    return value


def as_array(value: Any, path: str) -> list[Any]:
    """A value that must be an array.

    Raises:
        Refused: it is none.
    """
    if not isinstance(value, list):
        raise misfit(path, value, "array")
    return value


def as_object(value: Any, path: str) -> dict[str, Any]:
    """A value that must be an object.

    Raises:
        Refused: it is none.
    """
    if not isinstance(value, dict):
        raise misfit(path, value, "object")
    return value
