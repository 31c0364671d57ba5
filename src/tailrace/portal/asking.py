"""Asking: the form of a new request, and the export request that it becomes."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from tailrace.exports.forms import default_packing, default_split
from tailrace.model.clock import DAY
from tailrace.model.columns import check_columns
from tailrace.model.errors import Invalid
from tailrace.model.export import ExportRequest, Filters, Format, Packing, Shape
from tailrace.model.fields import EVENT_ROW_COLUMNS
from tailrace.model.policy import Policy
from tailrace.model.window import Window
from tailrace.web.forms import Form

Do = Literal["save", "estimate", "preview"]
DayAxis = Literal["session_start", "event_time"]  # on which days can be asked for
Period = Literal["today", "yesterday", "last_7", "last_30", "custom"]
PERIODS: Mapping[Period, str] = {
    "today": "Today",
    "yesterday": "Yesterday",
    "last_7": "Last 7 days",
    "last_30": "Last 30 days",
    "custom": "Days of your choice",
}
# Days before today on which a period begins and ends.
_PRESETS: Mapping[Period, tuple[int, int]] = {
    "today": (0, 0),
    "yesterday": (1, 1),
    "last_7": (6, 0),
    "last_30": (29, 0),
}
AXES: Mapping[DayAxis, str] = {"session_start": "in which the session began", "event_time": "of the event"}
SHAPES: Mapping[Shape, str] = {
    "events": "A row for each event",
    "sessions": "A row for each session",
    "tables": "A table for each event name",
}
FORMATS: Mapping[Format, str] = {"csv": "CSV", "json": "JSON", "xml": "XML", "parquet": "Parquet"}
PACKINGS: Mapping[Packing, str] = {"gzip": "gzip", "zip": "ZIP", "zstd": "Zstandard", "none": "Not packed"}
_1970 = date(1970, 1, 1)


class RequestForm(Form):
    """The form. Days are in UTC, both included; what is not chosen is left out. `copy_to` and `webhook` are names of
    stored destinations, and `url` is of a webhook that is not stored.
    """

    app: str
    do: Do = "save"
    period: Period = "last_7"
    first: str | None = None
    last: str | None = None
    axis: DayAxis = "session_start"
    shape: Shape = "events"
    format: Format = "csv"
    packing: Packing | None = None
    events: list[str] = []  # noqa: RUF012 - msgspec makes a new one for each
    versions: list[str] = []  # noqa: RUF012
    columns: list[Annotated[str, msgspec.Meta(max_length=100)]] = []  # noqa: RUF012
    copy_to: str = ""
    prefix: str = ""
    webhook: str = ""
    url: str = ""
    mail: bool = False


class Days(Struct, frozen=True):
    """A period as days (numbers in UTC), both included."""

    first: int
    last: int


def days_of(form: RequestForm, today: int) -> Days:
    """The period that a form means on a day.

    Raises:
        Invalid: no day is named, or they are the wrong way round.
    """
    if form.period != "custom":
        before, until = _PRESETS[form.period]
        return Days(today - before, today - until)
    days = Days(_day(form.first, "first day"), _day(form.last, "last day"))
    if days.last < days.first:
        raise Invalid("last day", "comes before the first day")
    return days


def request_of(form: RequestForm, today: int) -> ExportRequest:
    """The request that a form asks for on a day.

    Raises:
        Invalid: a value cannot be, or two do not go together.
    """
    days = days_of(form, today)
    packing = form.packing or default_packing(form.format)
    return ExportRequest(
        app=form.app,
        window=Window(form.axis, days.first * DAY, (days.last + 1) * DAY),
        shape=form.shape,
        format=form.format,
        packing=packing,
        filters=Filters(tuple(form.events), tuple(form.versions)),
        columns=check_columns(_in_order(form.columns), "columns") if form.columns else None,
        split=default_split(form.shape),
        csv_safe=form.format == "csv",
    )


def policy_of(limits: Mapping[str, int]) -> Policy:
    """What the portal lets people ask for, by the limits that hold now. A period in days may end with today, whose end
    is up to a day ahead, and so may begin as much earlier.
    """
    age = limits["portal.max_age_days"] * DAY
    return Policy(max_window_ms=limits["portal.max_window_days"] * DAY, max_age_ms=age + DAY if age else 0)


def _in_order(names: Sequence[str]) -> Sequence[str]:
    """Columns as files usually have them; those that there are none of stay, to be refused."""
    known = [name for name in EVENT_ROW_COLUMNS if name in names]
    return [*known, *(name for name in names if name not in EVENT_ROW_COLUMNS)]


def _day(text: str | None, where: str) -> int:
    try:
        return (date.fromisoformat(text or "") - _1970).days
    except ValueError:
        raise Invalid(where, "must be a day such as 2026-01-31") from None
