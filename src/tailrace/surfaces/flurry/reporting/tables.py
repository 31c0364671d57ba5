"""Tables of the Analytics Reporting API: their dimensions and metrics, and what of the vendor's is not built."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from tailrace.reports.asked import Dimension, Measure, Numbers, Unit

Number = int | float

# Attributes of dimensions, in the order in which `show=all` has them. Without a `show` there is the name alone.
_OF_APP = ("id", "name", "company|id", "app|id", "deleted", "filtered")
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "company": ("id", "name"),
    "app": ("id", "name", "company|id", "apiKey", "platform|id", "platform|name"),
    "appVersion": _OF_APP,
    "event": _OF_APP,
    "country": ("id", "name", "iso"),
    "paramName": ("id", "name"),
    "paramValue": ("id", "name"),
}
USUAL = ("name",)

# What rows can be filtered by. Nobody may ask whether a key contains something: it would be told letter by letter.
FILTERED: Mapping[str, tuple[str, ...]] = {
    dimension: tuple(one for one in attributes if one in ("id", "name", "iso", "apiKey"))
    for dimension, attributes in ATTRIBUTES.items()
}
KEY = "apiKey"

# Dimensions as the store has them; `company` and `app` are those of the app itself.
DIMENSIONS: Mapping[str, Dimension] = {
    "appVersion": "version",
    "event": "event",
    "country": "country",
    "paramName": "key",
    "paramValue": "value",
}


class Metric(Struct, frozen=True):
    """What a metric is made of, and how."""

    needs: frozenset[Measure]
    value: Callable[[Numbers], Number]


def _plain(measure: Measure) -> Metric:
    return Metric(frozenset((measure,)), lambda numbers: numbers[measure])


def _average(of: Measure, per: Measure) -> Metric:
    return Metric(frozenset((of, per)), lambda numbers: numbers[of] / numbers[per] if numbers[per] else 0.0)


METRICS: Mapping[str, Metric] = {
    "sessions": _plain("sessions"),
    "activeDevices": _plain("actors"),
    "newDevices": _plain("new_actors"),
    "timeSpent": _plain("time_ms"),
    "averageTimePerDevice": _average("time_ms", "actors"),
    "averageTimePerSession": _average("time_ms", "sessions"),
    "occurrences": _plain("units"),
    "count": _plain("units"),
}
_USAGE = ("sessions", "activeDevices", "newDevices", "timeSpent", "averageTimePerDevice", "averageTimePerSession")


class ReportTable(Struct, frozen=True):
    """A table: what its rows count, what they can be counted by, and its metrics."""

    name: str
    unit: Unit
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]


_EVERYWHERE = ("company", "app", "appVersion", "country")
TABLES: Mapping[str, ReportTable] = {
    table.name: table
    for table in (
        ReportTable("appUsage", "session", _EVERYWHERE, _USAGE),
        ReportTable("appEvent", "event", (*_EVERYWHERE, "event"), (*_USAGE, "occurrences")),
        ReportTable("eventParams", "param", (*_EVERYWHERE, "event", "paramName", "paramValue"), ("count",)),
    )
}

# Dimensions whose values can be listed.
LISTED = ("app", "appVersion", "event")

# Words of the vendor's for which there is nothing here; each is told from what is no word at all.
NOT_BUILT: Mapping[str, tuple[str, ...]] = {
    "table": ("realtime", "realTime", "audience", "technical", "uaa", "revenue", "crashReport", "crashSummaryReport"),
    "grain": ("hour", "quarter", "year"),
    "dimension": ("language", "region", "category"),
    "metric": (
        "medianTimePerSession",
        "medianTimePerDevice",
        "eventDuration",
        "averageEventDuration",
        "averageEventDurationPerDevice",
    ),
}
