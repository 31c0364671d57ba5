"""Rows of reports, and of lists of values: from counts by group to cells with names and ids."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct

from tailrace.db.engine import Database
from tailrace.files.base import Files
from tailrace.model.access import Principal
from tailrace.model.errors import Invalid
from tailrace.reports.apps import ReportedApp, reported_apps
from tailrace.reports.asked import Numbers, Report
from tailrace.reports.conditions import Condition
from tailrace.reports.making import make_report
from tailrace.reports.names import Names
from tailrace.reports.periods import bounds
from tailrace.surfaces.flurry.reporting.parse import Asked, Show
from tailrace.surfaces.flurry.reporting.tables import ATTRIBUTES, DIMENSIONS, METRICS, Number

MOST_ROWS = 50_000
_OWNED = frozenset(("app", "appVersion", "event"))  # what is of one app, even if its name is in another too
Cell = str | Number


class _Key(Struct, frozen=True):
    """A group of all apps: the app counts only where a dimension is of one app."""

    period: int
    app: int | None
    values: tuple[str | None, ...]

    @property
    def order(self) -> tuple[int, int, tuple[str, ...]]:
        """How rows are sorted that nobody has sorted."""
        return self.period, self.app or 0, tuple(value or "" for value in self.values)


class _Owner(Struct, frozen=True):
    """An app and its names: what cells are made of besides values."""

    app: ReportedApp
    names: Names


def report_rows(database: Database, files: Files, principal: Principal, asked: Asked) -> Sequence[Mapping[str, Cell]]:
    """The rows of a report on the apps that the caller may see.

    Raises:
        Invalid: there would be more than there may be.
    """
    report = _report(asked)
    apps = [app for app in reported_apps(database, principal) if _wanted(app, asked.filters)]
    owners: dict[int, _Owner] = {}
    found: dict[_Key, Numbers] = {}
    for app in apps:
        made = make_report(database, files, app.scope, report)
        owners[app.scope.app] = _Owner(app, made.names)
        for (period, values), numbers in made.numbers.items():
            key = _Key(period, app.scope.app if _by_app(asked) else None, values)
            found[key] = _sum(found[key], numbers) if key in found else numbers
    any_owner = next(iter(owners.values()), None)
    rows = _chosen(asked, {key: _metrics(asked, numbers) for key, numbers in sorted(found.items(), key=_order)})
    if len(rows) > MOST_ROWS:
        raise Invalid("rows", f"Maximum number of rows [{MOST_ROWS}] reached")
    return [_row(asked, report, key, owners.get(key.app or 0, any_owner), metrics) for key, metrics in rows]


def value_rows(
    database: Database, principal: Principal, dimension: str, filters: Sequence[Condition]
) -> Iterator[Mapping[str, str]]:
    """The values of a dimension that the caller's apps have, with all their attributes."""
    for app in reported_apps(database, principal):
        if _wanted(app, filters):
            with database.read() as connection:
                owner = _Owner(app, Names.of(connection, app.scope))
            for value in owner.names.numbers[DIMENSIONS[dimension]] if dimension in DIMENSIONS else (None,):
                cells = {name: _cell(owner, dimension, name, value) for name in ATTRIBUTES[dimension]}
                if all(one.holds(cells[one.attribute]) for one in filters if one.dimension == dimension != "app"):
                    yield cells


def _report(asked: Asked) -> Report:
    conditions = [
        Condition(DIMENSIONS[one.dimension], "id" if one.attribute == "id" else "name", one.operator, one.values)
        for one in asked.filters
        if one.dimension in DIMENSIONS
    ]
    return Report(
        unit=asked.table.unit,
        bounds=bounds(asked.grain, asked.first, asked.end, asked.zone),
        dimensions=tuple(DIMENSIONS[show.dimension] for show in asked.shows if show.dimension in DIMENSIONS),
        measures=frozenset(measure for metric in asked.metrics for measure in METRICS[metric].needs),
        conditions=tuple(conditions),
    )


def _wanted(app: ReportedApp, filters: Sequence[Condition]) -> bool:
    """Whether an app is looked at. Its key may be named also by who may not see it: it is what requests name it by."""
    owner = _Owner(app, Names({}))
    return all(
        one.holds(app.api_key if one.attribute == "apiKey" else _cell(owner, one.dimension, one.attribute, None))
        for one in filters
        if one.dimension in ("company", "app")
    )


def _by_app(asked: Asked) -> bool:
    return any(show.dimension in _OWNED for show in asked.shows)


def _order(item: tuple[_Key, Numbers]) -> tuple[int, int, tuple[str, ...]]:
    return item[0].order


def _sum(one: Numbers, other: Numbers) -> Numbers:
    return {measure: number + other[measure] for measure, number in one.items()}


def _metrics(asked: Asked, numbers: Numbers) -> Mapping[str, Number]:
    return {metric: METRICS[metric].value(numbers) for metric in asked.metrics}


def _chosen(asked: Asked, rows: Mapping[_Key, Mapping[str, Number]]) -> Sequence[tuple[_Key, Mapping[str, Number]]]:
    """Rows that `having` leaves, sorted within each period, and of each period those on top."""
    left = [(key, row) for key, row in rows.items() if all(one.holds(row[one.metric]) for one in asked.having)]
    for metric, descending in reversed(asked.sort):
        left.sort(key=lambda item: item[1][metric], reverse=descending)
    left.sort(key=lambda item: item[0].period)
    seen: dict[int, int] = {}
    chosen = []
    for key, row in left:
        seen[key.period] = seen.get(key.period, 0) + 1
        if asked.top is None or seen[key.period] <= asked.top:
            chosen.append((key, row))
    return chosen


def _row(
    asked: Asked, report: Report, key: _Key, owner: _Owner | None, metrics: Mapping[str, Number]
) -> Mapping[str, Cell]:
    if owner is None:
        raise LookupError("a row that no app has")
    cells: dict[str, Cell] = {"dateTime": moment(report.bounds[key.period], asked.zone)}
    values = iter(key.values)
    for show in asked.shows:
        value = next(values) if show.dimension in DIMENSIONS else None
        cells.update(_shown(owner, show, value))
    return {**cells, **metrics}


def _shown(owner: _Owner, show: Show, value: str | None) -> Mapping[str, str]:
    return {f"{show.dimension}|{name}": _cell(owner, show.dimension, name, value) for name in show.attributes}


def _cell(owner: _Owner, dimension: str, attribute: str, value: str | None) -> str:
    """An attribute as a text. What is not known here is empty; nothing here is ever deleted or filtered."""
    scope = owner.app.scope
    of_app = {"company|id": str(scope.space), "app|id": str(scope.app), "deleted": "0", "filtered": "0"}
    if dimension == "company":
        return {"id": str(scope.space), "name": scope.space_id}[attribute]
    if dimension == "app":
        key = owner.app.api_key if owner.app.shown else ""
        return {"id": str(scope.app), "name": owner.app.name, "apiKey": key, **of_app}.get(attribute, "")
    if attribute in of_app:
        return of_app[attribute]
    return owner.names.text(DIMENSIONS[dimension], attribute, value)


def moment(instant: int, zone: tzinfo) -> str:
    """An instant (ms) as rows tell it: ``2019-01-13 00:00:00.000-08:00``."""
    return datetime.fromtimestamp(instant / 1000, zone).isoformat(" ", "milliseconds")
