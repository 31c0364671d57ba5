"""From paths and queries of the Analytics Reporting API to values. Every word is read as it stands, case and all."""

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, tzinfo
from typing import Literal

import msgspec
from msgspec import Struct

from tailrace.model.errors import Invalid
from tailrace.model.zones import zone_of
from tailrace.reports.conditions import OPERATORS, Condition
from tailrace.reports.periods import GRAINS, Grain, aligned, count
from tailrace.surfaces.flurry.reporting.clauses import clauses
from tailrace.surfaces.flurry.reporting.tables import (
    ATTRIBUTES,
    FILTERED,
    KEY,
    LISTED,
    NOT_BUILT,
    TABLES,
    USUAL,
    ReportTable,
)

Format = Literal["json", "csv"]
FORMATS: tuple[Format, ...] = ("json", "csv")
MOST_PERIODS = 20_000
_MONTH, _DAY = re.compile(r"(\d{4})-(\d{2})"), re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_YEARS = range(1971, 9000)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    **dict.fromkeys(("eq", "equal", "equals"), operator.eq),
    **dict.fromkeys(("gt", "greaterThan"), operator.gt),
    **dict.fromkeys(("lt", "lessThan"), operator.lt),
}


class ReportQuery(msgspec.Struct, forbid_unknown_fields=True):
    """The query of a report. Nothing, and an empty text, is what was not given."""

    metrics: str = ""
    date_time: str = msgspec.field(name="dateTime", default="")
    filters: str = ""
    sort: str = ""
    top_n: str = msgspec.field(name="topN", default="")
    having: str = ""
    format: str = ""
    time_zone: str = msgspec.field(name="timeZone", default="")
    token: str = ""


class ValuesQuery(msgspec.Struct, forbid_unknown_fields=True):
    """The query of a list of values."""

    filters: str = ""
    format: str = ""
    token: str = ""


class Show(Struct, frozen=True):
    """A dimension of a report, and which attributes of it are shown."""

    dimension: str
    attributes: tuple[str, ...]


class Having(Struct, frozen=True):
    """A condition on a metric: it compares with one of the numbers, or with none of them."""

    metric: str
    compare: Callable[[float, float], bool]
    negative: bool
    numbers: tuple[float, ...]

    def holds(self, value: float) -> bool:
        """Whether a row with this value stays."""
        return any(self.compare(value, number) for number in self.numbers) != self.negative


class Asked(Struct, frozen=True):
    """A report as it was asked for. `end` is not in it; `sort` says of each metric whether the largest is first."""

    table: ReportTable
    grain: Grain
    first: date
    end: date
    zone: tzinfo
    shows: tuple[Show, ...]
    metrics: tuple[str, ...]
    filters: tuple[Condition, ...]
    sort: tuple[tuple[str, bool], ...]
    top: int | None
    having: tuple[Having, ...]
    format: Format


def parse_report(path: str, query: ReportQuery) -> Asked:
    """A report: ``{table}/{grain}/{dimension};show=…/…`` and what the query adds.

    Raises:
        Invalid: something cannot be, or is not built here; it is named.
    """
    table_name, grain_name, *segments = _segments(path)
    table = TABLES[_word(table_name, TABLES, "table")]
    grain = next(g for g in GRAINS if g == _word(grain_name, GRAINS, "grain"))
    metrics = _metrics(query.metrics, table)
    first, end = _dates(query.date_time, grain)
    sort = _sort(query.sort, metrics)
    return Asked(
        table=table,
        grain=grain,
        first=first,
        end=end,
        zone=_zone(query.time_zone),
        shows=_shows(segments, table),
        metrics=metrics,
        filters=parse_filters(query.filters, table.dimensions),
        sort=sort,
        top=_top(query.top_n, sort),
        having=tuple(_having(head, values, metrics) for head, values in clauses(query.having, "having")),
        format=parse_format(query.format),
    )


def parse_listed(dimension: str) -> str:
    """A dimension whose values can be listed.

    Raises:
        Invalid: it is none, or they cannot.
    """
    return _word(dimension, LISTED, "dimension", tuple(ATTRIBUTES))


def parse_filters(text: str, dimensions: Collection[str]) -> tuple[Condition, ...]:
    """Filters, all of which must hold.

    Raises:
        Invalid: one cannot be; it is named.
    """
    return tuple(_filter(head, values, dimensions) for head, values in clauses(text, "filters"))


def parse_format(text: str) -> Format:
    """How rows are written; JSON unless said otherwise.

    Raises:
        Invalid: in no way that there is.
    """
    return next(f for f in FORMATS if f == _word(text or "json", FORMATS, "format"))


def _segments(path: str) -> Sequence[str]:
    segments = path.removesuffix("/").split("/")
    if len(segments) < 2 or "" in segments:
        raise Invalid("path", "must be data/{table}/{timeGrain}, and then any number of dimensions")
    return segments


def _word(word: str, known: Collection[str], what: str, elsewhere: Collection[str] = ()) -> str:
    """A word that must be known. What the vendor has and this server has not is told from what nobody has."""
    if word in known:
        return word
    if word in NOT_BUILT.get(what, ()) or word in elsewhere:
        raise Invalid(what, f"{word} is not built here; there are {', '.join(known)}")
    raise Invalid(what, f"there is no {what} of this name; there are {', '.join(known)}. Case matters")


def _shows(segments: Sequence[str], table: ReportTable) -> tuple[Show, ...]:
    """Dimensions in their order. One that stands there twice shows what it shows in both places."""
    found: dict[str, dict[str, None]] = {}
    for segment in segments:
        name, *parameters = segment.split(";")
        _word(name, table.dimensions, "dimension", tuple(ATTRIBUTES))
        shown = [attribute for parameter in parameters for attribute in _show(name, parameter)]
        found.setdefault(name, {}).update(dict.fromkeys(shown or USUAL))
    return tuple(Show(name, tuple(attributes)) for name, attributes in found.items())


def _show(dimension: str, parameter: str) -> Sequence[str]:
    key, _, value = parameter.partition("=")
    if key != "show" or not value:
        raise Invalid("show", f"after {dimension}; must be show=all, or show= and some of its attributes")
    if value == "all":
        return ATTRIBUTES[dimension]
    return [_word(attribute, ATTRIBUTES[dimension], "attribute") for attribute in value.split(",")]


def _metrics(text: str, table: ReportTable) -> tuple[str, ...]:
    if not text:
        raise Invalid("metrics", f"is needed: some of {', '.join(table.metrics)}")
    elsewhere = [metric for other in TABLES.values() for metric in other.metrics]
    words = [_word(word, table.metrics, "metric", elsewhere) for word in text.split(",")]
    return tuple(dict.fromkeys(words))


def _dates(text: str, grain: Grain) -> tuple[date, date]:
    first_text, slash, end_text = text.partition("/")
    if not slash:
        raise Invalid("dateTime", "is needed as first/end, such as 2026-01-01/2026-01-08; the end is not included")
    first, end = _date(first_text), _date(end_text)
    if first >= end:
        raise Invalid("dateTime", "must end after it begins; the end is not included")
    if not (aligned(grain, first) and aligned(grain, end)):
        begins = "a Monday" if grain == "week" else "the first of a month"
        raise Invalid("dateTime", f"is not aligned with the grain {grain}: it must begin and end on {begins}")
    if count(grain, first, end) > MOST_PERIODS:
        raise Invalid("dateTime", f"has more than {MOST_PERIODS} periods of the grain {grain}")
    return first, end


def _date(text: str) -> date:
    """A day, or the first of a month."""
    found = _DAY.fullmatch(text) or _MONTH.fullmatch(text)
    try:
        year, month, *day = map(int, found.groups()) if found else (0, 0)
        if year in _YEARS:
            return date(year, month, *(day or [1]))
    except ValueError:
        pass
    raise Invalid("dateTime", "must have dates of the form YYYY-MM-DD, or YYYY-MM for whole months")


def _zone(name: str) -> tzinfo:
    try:
        return zone_of(name or "UTC")
    except LookupError:
        raise Invalid("timeZone", "must be the name of a time zone, such as America/Los_Angeles") from None


def _filter(head: str, values: tuple[str, ...], dimensions: Collection[str]) -> Condition:
    dimension, bar, rest = head.partition("|")
    attribute, dash, name = rest.rpartition("-")
    if not bar or not dash:
        raise Invalid("filters", "must be dimension|attribute-operator[value,value], and others after a comma")
    _word(dimension, dimensions, "dimension", tuple(ATTRIBUTES))
    _word(attribute, FILTERED[dimension], "attribute", ATTRIBUTES[dimension])
    operators = OPERATORS if attribute != KEY else OPERATORS[:2]
    _word(name, operators, "operator", OPERATORS)
    return Condition(dimension, attribute, next(o for o in OPERATORS if o == name), values)


def _having(head: str, values: tuple[str, ...], metrics: Collection[str]) -> Having:
    metric, dash, name = head.rpartition("-")
    if not dash:
        raise Invalid("having", "must be metric-operator[number,number], and others after a comma")
    _of_request(metric, metrics, "having")
    # `not` may stand before any of them, with its first letter large or not.
    plain = name.removeprefix("not") if name not in _COMPARE else name
    plain = plain[:1].lower() + plain[1:]
    _word(plain, _COMPARE, "operator")
    return Having(metric, _COMPARE[plain], plain != name, tuple(_number(value) for value in values))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Invalid("having", "must compare with numbers")
    return number


def _sort(text: str, metrics: Collection[str]) -> tuple[tuple[str, bool], ...]:
    found = []
    for part in text.split(",") if text else ():
        metric, _, direction = part.partition("|")
        _of_request(metric, metrics, "sort")
        found.append((metric, _word(direction or "desc", ("desc", "asc"), "direction") == "desc"))
    return tuple(found)


def _top(text: str, sort: Sequence[object]) -> int | None:
    if not text:
        return None
    if not sort:
        raise Invalid("topN", "needs a sort, which says what is on top")
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise Invalid("topN", "must be a whole number, 1 or more")
    return int(text)


def _of_request(metric: str, metrics: Collection[str], where: str) -> None:
    if metric not in metrics:
        raise Invalid(where, f"must name metrics that are asked for; those are {', '.join(metrics)}")
