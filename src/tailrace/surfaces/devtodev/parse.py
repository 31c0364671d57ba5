"""From what clients send to domain values. Bodies are JSON whatever their content type says."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from tailrace.model.clock import DAY
from tailrace.model.predicates import Predicate
from tailrace.model.window import Window
from tailrace.surfaces.devtodev.errors import Refused
from tailrace.surfaces.devtodev.fields import as_array, as_number, as_object, as_text, misfit, required
from tailrace.surfaces.devtodev.filters import parse_filters

FORMAT = "csv"
TOKEN, JOB = "user_token", "job_id"
_LATEST = 253_402_300_800_000  # the end of the year 9999, ms

Fields = Mapping[str, Any]


class Anything(msgspec.Struct):
    """A query of which the handlers read what they need."""


class Element(Struct, frozen=True):
    """An element of `events`: an event or a group by its name, conditions, and the file's name if one was given."""

    name: str
    where: tuple[Predicate, ...] = ()
    alias: str | None = None
    object: bool = False


class Asked(Struct, frozen=True):
    """A job as it was sent. Times in ms; no elements are all events."""

    app_id: str
    start: int
    end: int
    elements: tuple[Element, ...]
    format: str


def parse_body(body: bytes) -> Fields:
    """The fields of a body.

    Raises:
        Refused: it is empty, or no JSON object.
    """
    if not body.strip():
        raise Refused(2)
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(3) from None
    if not isinstance(document, dict):
        raise Refused(3)
    return document


def parse_token(fields: Fields, query: Mapping[str, str]) -> str:
    """The token of the body, else of the query: who gives both gets what the body says.

    Raises:
        Refused: there is none, or it is no string.
    """
    given = fields.get(TOKEN)
    token = as_text("" if given is None else given, TOKEN) or query.get(TOKEN, "")
    if not token:
        raise Refused(12)
    return token


def parse_job_id(fields: Fields, query: Mapping[str, str]) -> str:
    """The job of the body, else of the query.

    Raises:
        Refused: there is none, or it is no string.
    """
    if fields.get(JOB) is None and query.get(JOB):
        return query[JOB]
    return as_text(required(fields, JOB), JOB)


def parse_job(fields: Fields) -> Asked:
    """A job to be set.

    Raises:
        Refused: a field is missing or of the wrong type.
    """
    app_id = as_text(required(fields, "app_id"), "app_id")
    start, end = (_milliseconds(as_number(required(fields, name), name)) for name in ("start_date", "end_date"))
    events, form = fields.get("events"), fields.get("format")
    listed = () if events is None else as_array(events, "events")
    elements = tuple(_element(one, f"events[{place}]") for place, one in enumerate(listed))
    return Asked(app_id, start, end, elements, FORMAT if form is None else as_text(form, "format"))


def check_format(asked: Asked) -> None:
    """Make sure that files are asked for in the one format that there is.

    Raises:
        Refused: it is another one.
    """
    if asked.format.lower() != FORMAT:
        raise Refused(7, asked.format)


def window_of(asked: Asked, max_age_days: int, now: int) -> Window:
    """The half-open window of event times, in UTC; ages in days (0: any), `now` in ms.

    Raises:
        Refused: it begins or ends too long ago, or does not end after its start.
    """
    earliest = now - max_age_days * DAY if max_age_days else -_LATEST
    if asked.start < earliest or asked.end < earliest or asked.end <= asked.start:
        raise Refused(10, max_age_days)
    return Window("event_time", asked.start, asked.end)


def _element(value: Any, path: str) -> Element:
    if isinstance(value, str):
        return Element(value)
    if not isinstance(value, dict):
        raise misfit(path, value, "string")
    fields = as_object(value, path)
    name, alias = as_text(required(fields, "name", f"{path}."), f"{path}.name"), fields.get("alias")
    file = None if alias is None else as_text(alias, f"{path}.alias") or None
    return Element(name, parse_filters(fields.get("filters"), f"{path}.filters"), file, object=True)


def _milliseconds(seconds: int | float) -> int:
    """Seconds since 1970 as milliseconds, those of a fraction included; what no clock shows is the nearest one."""
    return round(max(-_LATEST / 1000, min(seconds, _LATEST / 1000)) * 1000)
