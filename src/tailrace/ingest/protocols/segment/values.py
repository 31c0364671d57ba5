"""Values as senders write them: what can be read is."""

from typing import Any

from tailrace.ingest.protocols.instants import moment
from tailrace.ingest.rows import fitting

Json = dict[str, Any]


def text_of(value: Any) -> str | None:
    """A text, or a number as text; None for anything else and for an empty text."""
    return (fitting(value, str) or None) if isinstance(value, str | int | float) else None


def object_of(value: Any, name: str = "value") -> Json:
    """An object, whose members may be taken out. Some libraries write an empty array for an empty object; any other
    value becomes the one member of an object.
    """
    if isinstance(value, dict):
        return dict(value)
    return {} if is_empty(value) else {name: value}


def is_empty(value: Any) -> bool:
    """Whether a value says nothing."""
    return value is None or value in ({}, [], "")


def filled(value: Json) -> Json:
    """The members that say something."""
    return {name: inner for name, inner in value.items() if not is_empty(inner)}


def taken(of: Json, group: str, name: str) -> Any:
    """A plain value out of an object in an object, which must be a copy; None if there is none."""
    inner = of.get(group)
    if not isinstance(inner, dict) or isinstance(inner.get(name), dict | list):
        return None
    return inner.pop(name, None)


def lenient_moment(value: Any) -> int | None:
    """A time in ms; one that cannot be read is none."""
    try:
        return moment(value)
    except ValueError:
        return None
