"""Wording: numbers, times and requests as people read them."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from markupsafe import Markup

from tailrace.delivery.log import Outcome
from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND, day_name, iso, parse_iso
from tailrace.model.delivery import DeliveryKind, DeliveryState
from tailrace.model.export import ExportState
from tailrace.model.window import Axis, Window

AXES: Mapping[Axis, str] = {
    "session_start": "Session start",
    "event_time": "Event time",
    "available": "Time of availability",
}
STATES: Mapping[ExportState, str] = {
    "queued": "Queued",
    "running": "Running",
    "succeeded": "Ready",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "expired": "Expired",
}
DELIVERIES: Mapping[DeliveryKind, str] = {"s3": "Copy to S3", "webhook": "Webhook", "mail": "E-mail"}
STANDINGS: Mapping[DeliveryState, str] = {
    "waiting": "Waits for the export",
    "pending": "Under way",
    "delivered": "Delivered",
    "failed": "Failed",
    "void": "Nothing to deliver",
}
OUTCOMES: Mapping[Outcome, str] = {
    "delivered": "Delivered",
    "failed": "Failed",
    "void": "Nothing to deliver",
    "again": "To be tried again",
}
_SIZES = ("kB", "MB", "GB", "TB")
_UNITS = (("day", DAY), ("hour", HOUR), ("minute", MINUTE), ("second", SECOND))
_TIMES: Mapping[str, int] = {"ms": 1, "s": SECOND}
_POWERS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("GB", 10**9), ("MB", 10**6))
_LONG = 1000  # smaller numbers are read as they are


def when(ms: int | None) -> str:
    """An instant: in UTC, until a script tells it in the viewer's zone."""
    if ms is None:
        return Markup("–")
    text = iso(ms)
    shown = f"{text[:10]} {text[11:16]}"
    return Markup('<time datetime="{}" title="{} UTC">{} UTC</time>').format(text, f"{text[:10]} {text[11:19]}", shown)


def moment(text: str) -> str:
    """An instant that is an ISO 8601 text."""
    return when(parse_iso(text))


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def size(number: int) -> str:
    """Bytes in the unit that fits."""
    if number < 1000:
        return f"{number} bytes"
    power = min(4, (len(str(number)) - 1) // 3)
    return f"{number / 1000**power:.1f} {_SIZES[power - 1]}"


def span(ms: int) -> str:
    """A length of time, in the largest unit that it has a whole one of."""
    for name, width in _UNITS:
        if ms >= width:
            number = ms // width
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "less than a second"


def measured(text: int | str, unit: str) -> str:
    """A long time (ms, s) or size (bytes) in a larger unit of which it is a whole number; empty if there is none."""
    number = int(text) if str(text).isdecimal() else 0
    units = _POWERS if unit == "bytes" else _UNITS if unit in _TIMES else ()
    exact = number * _TIMES.get(unit, 1)
    for name, width in units if number >= _LONG else ():
        if exact % width == 0 and exact // width < _LONG:
            many = exact // width
            return f"{many} {name}{'s' if unit in _TIMES and many > 1 else ''}"
    return ""


def period(window: Window) -> str:
    """A window as days where it is made of whole ones; its end is the last day inside, on a line of its own."""
    start, end = window.start, window.end
    if start is None and end is None:
        return "everything"
    if start is not None and end is not None and start % DAY == 0 and end % DAY == 0:
        first, last = day_name(start // DAY), day_name(end // DAY - 1)
        return first if first == last else f"{first} –\n{last}"
    return f"{_instant(start) or 'the beginning'} –\n{_instant(end) or 'now'}"


def value(found: Any) -> str:
    """A value of a row, as it stands in a table."""
    if found is None:
        return ""
    return found if isinstance(found, str) else msgspec.json.encode(found).decode()


def listed(found: Any) -> str:
    """A detail of the audit: texts one after the other, anything else as a value."""
    texts = isinstance(found, list) and all(isinstance(one, str) for one in found)
    return ", ".join(found) if texts else value(found)


def url(text: str) -> str:
    """A text as one step of a path."""
    return quote(text, safe="")


def _instant(ms: int | None) -> str:
    return "" if ms is None else f"{iso(ms)[:10]} {iso(ms)[11:16]} UTC"


FILTERS: Mapping[str, Callable[..., str]] = {
    "when": when,
    "count": count,
    "size": size,
    "span": span,
    "measured": measured,
    "listed": listed,
    "period": period,
    "value": value,
    "url": url,
    "moment": moment,
    "day": day_name,
    "axis": lambda axis: AXES[axis],
    "state": lambda state: STATES[state],
    "delivery": lambda kind: DELIVERIES[kind],
    "standing": lambda state: STANDINGS[state],
    "outcome": lambda outcome: OUTCOMES[outcome],
}
