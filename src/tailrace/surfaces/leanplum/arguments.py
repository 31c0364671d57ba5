"""Arguments as they come: in the query, in a form, in JSON, or some here and some there."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tailrace.model.errors import Invalid, Malformed

Arguments = Mapping[str, str]
_JSON = re.compile(rb"\s*\{")


def arguments_of(query: Iterable[tuple[str, str]], body: bytes) -> Arguments:
    """All arguments by name; blank ones are none. Of one that comes twice the first counts, the query before the body.

    What a body is, it says itself: clients send JSON as a form and forms as nothing.

    Raises:
        Malformed: the body is neither.
    """
    found: dict[str, str] = {}
    for name, text in (*query, *_of_body(body)):
        if text.strip():
            found.setdefault(name, text.strip())
    return found


def needed(arguments: Arguments, name: str) -> str:
    """An argument that has to be there.

    Raises:
        Invalid: it is not.
    """
    if name not in arguments:
        raise Invalid(name, "is missing")
    return arguments[name]


def _of_body(body: bytes) -> Iterable[tuple[str, str]]:
    if _JSON.match(body):
        return _of_json(body)
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise Malformed("it is neither a form nor JSON") from None


def _of_json(body: bytes) -> Iterable[tuple[str, str]]:
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("it is not JSON") from None
    return [(name, _text(value)) for name, value in document.items() if value is not None]


def _text(value: Any) -> str:
    """A value as it would stand in a query."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
