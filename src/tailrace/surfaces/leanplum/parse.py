"""From arguments to domain values: Pacific days, seconds since 1970, a format."""

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from tailrace.model.clock import DAY
from tailrace.model.errors import Invalid, NotFound, WindowTooOld
from tailrace.model.export import Format
from tailrace.model.window import Window
from tailrace.model.zones import day_in, midnight
from tailrace.surfaces.leanplum.arguments import Arguments, needed
from tailrace.surfaces.leanplum.policy import ZONE

FORMATS: Mapping[str, Format] = {"json": "json", "csv": "csv"}
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})", re.ASCII)
_JOB = re.compile(r"export_([0-9]{1,18})_([0-9]{1,18})", re.ASCII)
_LATEST = 253_402_300_800  # the end of the year 9999, seconds
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Asked(Struct, frozen=True):
    """An export as it was asked for: sessions that began in one window and became available in another.

    `since` says that the client gave a beginning of the latter: it goes on from an export before.
    """

    sessions: Window
    available: Window
    since: bool
    format: Format


def parse_export(arguments: Arguments, now: int, max_age_days: int) -> Asked:
    """What an export is to hold, at an instant in ms. No age is too high if `max_age_days` is 0.

    Raises:
        Invalid: something is missing or cannot be; its name is that of the argument.
        WindowTooOld: it begins before the days that can be exported.
    """
    first = _date("startDate", needed(arguments, "startDate"))
    last = _date("endDate", arguments["endDate"]) if "endDate" in arguments else first
    if last < first:
        raise Invalid("endDate", "is before startDate")
    start, end = (_instant(arguments, name) for name in ("startTime", "endTime"))
    if start is not None and end is not None and end <= start:
        raise Invalid("endTime", "must be later than startTime")
    if start is not None and end is None and start > now:
        raise Invalid("startTime", "is in the future")
    format_ = _format(arguments.get("exportFormat", "json"))
    if max_age_days and first < day_in(now, ZONE) - timedelta(days=max_age_days):
        raise WindowTooOld(max_age_days * DAY)
    oldest = now - max_age_days * DAY if max_age_days else 0
    return Asked(
        Window("session_start", midnight(first, ZONE), midnight(last + timedelta(days=1), ZONE)),
        Window("available", oldest if start is None else max(start, oldest), end),
        start is not None,
        format_,
    )


def parse_job(arguments: Arguments) -> tuple[int, str]:
    """The app's number and the number of the export that a job id says.

    Raises:
        Invalid: there is no job id.
        NotFound: it is none of ours.
    """
    text = needed(arguments, "jobId")
    found = _JOB.fullmatch(text)
    if found is None:
        raise NotFound("export", text)
    return int(found[1]), found[2]


def boolean(arguments: Arguments, name: str) -> bool:
    """An argument that is true or false; false if it is not there.

    Raises:
        Invalid: it is something else.
    """
    found = _BOOLEANS.get(arguments.get(name, "false").lower())
    if found is None:
        raise Invalid(name, "must be true or false")
    return found


def _date(name: str, text: str) -> date:
    """A calendar day; the 29th to 31st of a shorter month, which the document itself has, are its last day."""
    found = _DATE.fullmatch(text)
    year, month, day = (int(part) for part in found.groups()) if found else (0, 0, 0)
    if not (1970 <= year < 9999 and 1 <= month <= 12 and 1 <= day <= 31):
        raise Invalid(name, "must be a date of the form YYYYmmdd")
    return date(year, month, min(day, monthrange(year, month)[1]))


def _instant(arguments: Arguments, name: str) -> int | None:
    """Seconds since 1970 as ms; what is finer is cut off."""
    if name not in arguments:
        return None
    try:
        seconds = Decimal(arguments[name])
    except InvalidOperation:
        seconds = Decimal(-1)
    if not seconds.is_finite() or not 0 <= seconds < _LATEST:
        raise Invalid(name, "must be a time in seconds since 1970")
    return int(seconds * 1000)


def _format(text: str) -> Format:
    found = FORMATS.get(text.lower())
    if found is None:
        raise Invalid("exportFormat", f"must be one of {', '.join(FORMATS)}")
    return found
