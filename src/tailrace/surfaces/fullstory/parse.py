"""From what clients send to values: parameters in the query of a GET, or in the JSON of a POST; numbers or texts."""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from starlette.datastructures import Headers

from tailrace.model.errors import Invalid, Malformed

# How a bundle goes out: the gzip file, its bytes as transport encoding of JSON, or JSON.
Form = Literal["file", "transport", "plain"]
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{0,15})?")
_LARGEST = 10**15


class Parameters(msgspec.Struct):
    """A query that may hold either parameter; whatever else there is is passed over."""

    start: str | None = None
    id: str | None = None

    @property
    def values(self) -> Mapping[str, Any]:
        """Those that are given."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


def parse_body(body: bytes) -> Mapping[str, Any]:
    """The parameters of a POST; an empty body has none.

    Raises:
        Malformed: it is not JSON.
        Invalid: it is JSON, but no object.
    """
    try:
        found = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if not isinstance(found, dict):
        raise Invalid("body", "must be a JSON object")
    return found


def start_of(values: Mapping[str, Any]) -> int:
    """`start` in ms; without one the beginning of time. It is sent in seconds, whose fraction is cut off.

    Raises:
        Invalid: it is no such number.
    """
    value = values.get("start")
    return 0 if value is None else math.floor(_number("start", value)) * 1000


def id_of(values: Mapping[str, Any]) -> int:
    """`id`.

    Raises:
        Invalid: it is missing, or no whole number.
    """
    number = _number("id", values.get("id"))
    if number != math.floor(number):
        raise Invalid("id", "must be a whole number")
    return math.floor(number)


def form_of(headers: Headers) -> Form:
    """How a bundle is to go out. A transport that unpacks by itself asks for this one encoding; everybody else who does
    not ask for JSON wants the file of the document.
    """
    if [value.strip() for value in headers.getlist("accept-encoding")] == ["gzip"]:
        return "transport"
    return "plain" if headers.get("accept", "").startswith("application/json") else "file"


def _number(name: str, value: Any) -> int | float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LARGEST:
        raise Invalid(name, "must be a number, 0 or more")
    return value
