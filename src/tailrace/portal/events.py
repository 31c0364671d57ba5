"""Events of an app by name, each with the switch that blocks it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from starlette.responses import Response

from tailrace.accounts.apps import find_app
from tailrace.accounts.lookup import scope_for
from tailrace.model.access import Scope
from tailrace.portal.apps import ONE
from tailrace.portal.pages import PAGE, seen, sends, show
from tailrace.reports.blocking import block_event, list_events
from tailrace.web.auditing import actor
from tailrace.web.forms import Form
from tailrace.web.operations import Call, Operation
from tailrace.web.paging import PageQuery, before, cut

EVENTS = f"{ONE}/events"
_MOST = 200
_After = Annotated[str, msgspec.Meta(max_length=100)]


class EventsQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which page."""

    after: _After | None = None


class BlockForm(Form):
    """An event, and what is to become of it; `after` is the page that it stands on."""

    name: Annotated[str, msgspec.Meta(max_length=10_000)]
    do: Literal["block", "unblock"]
    after: _After | None = None


def get_events_page(call: Call) -> Response:
    """The events that an app has sent, newest first."""
    return show(call, "events.html", "apps", **_values(call))


def send_block(call: Call) -> Response:
    """Block an event, or let it be seen again; the page that it stands on follows."""
    after = call.body.after
    page = EVENTS.format(id=call.path("id")) + (f"?after={after}" if _before(after) else "")
    _block(call)
    return seen(page)


def _values(call: Call) -> Mapping[str, Any]:
    database, after = call.desk.database, call.query.after
    app, first = find_app(database, call.principal, call.path("id")), _before(after)
    found = list_events(database, _scope(call), before=first, most=_MOST + 1)
    shown, more = cut("events", found, PageQuery(_MOST, after))
    return {"app": app, "events": shown, "after": after, "more": more}


def _block(call: Call) -> None:
    form = call.body
    block_event(call.desk.database, _scope(call), form.name, actor(call), blocked=form.do == "block")


def _before(after: str | None) -> int | None:
    return before("events", PageQuery(_MOST, after))


def _scope(call: Call) -> Scope:
    return scope_for(call.desk.database, call.principal, call.path("id"))


OPERATIONS: Sequence[Operation] = (
    Operation("GET", EVENTS, get_events_page, {200: PAGE}, scope="apps.read", query=EventsQuery, errors=(404,)),
    sends(EVENTS, send_block, scope="apps.write", form=BlockForm, errors=(404,)),
)
