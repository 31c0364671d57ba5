"""From what clients send to domain values. The document shows one spelling; clients are known to send several."""

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from tailrace.model.errors import Invalid, Malformed
from tailrace.model.export import Format
from tailrace.model.window import Window

TYPE = "rawData"
FORMATS: Mapping[str, Format] = {"JSON": "json", "CSV": "csv", "XML": "xml"}
_INSTANT = re.compile(r"[0-9]{1,15}(\.[0-9]*)?")
_LATEST = 253_402_300_800_000  # the end of the year 9999, ms
_NUMBERS = re.compile(r"[0-9]{1,18}")


class Anything(msgspec.Struct):
    """A query of which nothing is read."""


class FieldsQuery(msgspec.Struct, rename={"fields": "fields[rawData]"}):
    """A query that may name the attributes to show."""

    fields: str | None = None

    @property
    def names(self) -> frozenset[str] | None:
        """The attributes to show; None for all of them. Names that there are none of are passed over."""
        return None if not self.fields else frozenset(name.strip() for name in self.fields.split(","))


class Asked(Struct, frozen=True):
    """A request as it was sent: the app by its key, versions and events by the numbers of the catalogue."""

    api_key: str
    window: Window
    format: Format
    versions: frozenset[int]
    events: frozenset[int]


def parse_request(body: bytes) -> Asked:
    """A request for raw data, whatever its content type.

    Raises:
        Malformed: the body is not JSON.
        Invalid: something is missing or cannot be; its name is that of the attribute.
    """
    attributes = _attributes(body)
    start, end = (_instant(attributes, name) for name in ("startTime", "endTime"))
    if end <= start:
        raise Invalid("endTime", "must be later than startTime")
    return Asked(
        api_key=_text(attributes, "apiKey"),
        window=Window("session_start", start, end),
        format=_format(attributes),
        versions=_numbers(attributes, "app_versions"),
        events=_numbers(attributes, "eventIds"),
    )


def _attributes(body: bytes) -> Mapping[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from None
    data = _object(document, "data")
    if data.get("type") != TYPE:
        raise Invalid("type", f"must be {TYPE}")
    return _object(data, "attributes")


def _object(holder: Any, name: str) -> Mapping[str, Any]:
    found = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(found, dict):
        raise Invalid(name, "is missing or is not an object")
    return found


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Invalid(name, "is missing or is not a string")
    return value.strip()


def _instant(attributes: Mapping[str, Any], name: str) -> int:
    """Epoch milliseconds as a string of digits, an integer or a float, whose fraction is cut off."""
    value = attributes.get(name)
    if isinstance(value, str) and _INSTANT.fullmatch(value.strip()):
        value = int(value.strip().partition(".")[0])
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LATEST:
        raise Invalid(name, "must be a time in milliseconds since 1970")
    return math.floor(value)


def _format(attributes: Mapping[str, Any]) -> Format:
    value = attributes.get("outputFormat")
    found = FORMATS.get(value.strip().upper()) if isinstance(value, str) else None
    if found is None:
        raise Invalid("outputFormat", f"must be one of {', '.join(FORMATS)}")
    return found


def _numbers(attributes: Mapping[str, Any], name: str) -> frozenset[int]:
    """Ids as a comma list, an array or a number; blank or null is no filter."""
    value = attributes.get(name)
    parts = value if isinstance(value, list) else [] if value is None else [value]
    texts = [text.strip() for part in parts for text in str(part).split(",")]
    if not all(_NUMBERS.fullmatch(text) for text in texts if text):
        raise Invalid(name, "must be ids, separated by commas")
    return frozenset(int(text) for text in texts if text)
