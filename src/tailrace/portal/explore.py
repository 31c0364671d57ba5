"""Explore: what an app sent, at a glance. All of it comes from statistics, so it is as quick however much there is."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from tailrace.accounts.apps import find_app
from tailrace.accounts.lookup import scope_for
from tailrace.exports.preview import newest_events
from tailrace.model.clock import DAY, day_of
from tailrace.portal.pages import PAGE, show
from tailrace.reports.counts import AppCounts, count_store
from tailrace.reports.overview import Overview
from tailrace.store.deadletters import reasons
from tailrace.web.operations import Call, Operation

APP = "/portal/explore/{id}"
_MOST_NAMES = 12
_NEWEST = 15
_REASONS = 5


class ExploreQuery(msgspec.Struct, forbid_unknown_fields=True):
    """How many days, today included."""

    days: Literal[7, 30, 90] = 30


def get_explore(call: Call) -> Response:
    """An app at a glance."""
    return show(call, "explore.html", "explore", **_values(call))


def get_newest(call: Call) -> Response:
    """The newest events of an app; the page before asks for them again and again."""
    return show(call, "newest.html", "explore", **_newest(call))


def _values(call: Call) -> Mapping[str, Any]:
    desk, id_, days = call.desk, call.path("id"), call.query.days
    scope = scope_for(desk.database, call.principal, id_)
    with desk.database.read() as connection:
        today = day_of(desk.database.now(connection))
    found = desk.overviews.of(scope, today - days + 1, today)
    return {
        **_newest(call),
        "counts": _counts(call, id_),
        "overview": found,
        "plot": _plot(found),
        "days": days,
        "most": _MOST_NAMES,
        "letters": reasons(desk.database, scope, _REASONS),
        "base": desk.base_url(call.request),
    }


def _newest(call: Call) -> Mapping[str, Any]:
    desk, id_ = call.desk, call.path("id")
    scope = scope_for(desk.database, call.principal, id_)
    rows = newest_events(desk.database, desk.files, scope, _NEWEST)
    return {"app": find_app(desk.database, call.principal, id_), "newest": rows}


def _counts(call: Call, app_id: str) -> AppCounts:
    """The ledger of an app; it is the caller's, as was seen before."""
    return next(one for one in count_store(call.desk.database).apps if one.app_id == app_id)


def _plot(found: Overview) -> str:
    """The days as a script plots them: seconds since 1970, sessions, events."""
    columns: Sequence[Sequence[int]] = (
        [day.day * DAY // 1000 for day in found.days],
        [day.sessions for day in found.days],
        [day.events for day in found.days],
    )
    return msgspec.json.encode(columns).decode()


OPERATIONS: Sequence[Operation] = (
    Operation("GET", f"{APP}/newest", get_newest, {200: PAGE}, scope="exports.read", errors=(404,)),
    Operation("GET", APP, get_explore, {200: PAGE}, scope="exports.read", query=ExploreQuery, errors=(404,)),
)
