"""+ New Request: asked for on a page, estimated and looked at before it is saved."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.responses import Response

from tailrace.accounts.limits import limits_now
from tailrace.accounts.lookup import scope_for
from tailrace.exports.estimating import Forecast, forecast
from tailrace.exports.preview import Rows, preview
from tailrace.exports.submit import check_length, submit_once
from tailrace.model.clock import day_name, day_of
from tailrace.model.errors import Invalid, NotFound, TailraceError, Unavailable
from tailrace.model.fields import DEFAULT_EVENT_COLUMNS, EVENT_ROW_COLUMNS, FIELDS
from tailrace.portal import asking
from tailrace.portal.asking import RequestForm, policy_of, request_of
from tailrace.portal.delivering import LABELS, at_field, deliveries_of, ways
from tailrace.portal.downloads import ALL
from tailrace.portal.errors import Told, told, told_at
from tailrace.portal.home import seen_apps
from tailrace.portal.pages import PAGE, SENT, seen, sends, show
from tailrace.web.operations import Call, Operation

NEW = f"{ALL}/new"
_ROWS = 10  # of a preview
_NAMES = 300  # that are offered as filters


class NewQuery(msgspec.Struct, forbid_unknown_fields=True):
    """For which app, and what is chosen at first."""

    app: str = ""
    event: str = ""


class Looked(Struct, frozen=True):
    """What was looked at before asking: an estimate, the first rows, or why neither can be."""

    forecast: Forecast | None = None
    rows: Rows | None = None
    refused: Told | None = None


def get_new_request(call: Call) -> Response:
    """The form."""
    events = [call.query.event] if call.query.event else []
    return _form(call, RequestForm(app=call.query.app, events=events), Looked())


def send_new_request(call: Call) -> Response:
    """Save a request: the table with it follows. Estimate and preview come on the form, and keep what it holds."""
    form = call.body
    try:
        if form.do != "save":
            return _form(call, form, _look(call, form))
        _submit(call, form)
    except (NotFound, Unavailable):
        raise
    except TailraceError as error:
        words = _told(form, error)
        return _form(call, form, Looked(refused=words), words.status)
    call.desk.bell.ring()
    return seen(ALL)


def _look(call: Call, form: RequestForm) -> Looked:
    desk = call.desk
    scope = scope_for(desk.database, call.principal, form.app)
    request = request_of(form, _today(call))
    with desk.database.read() as connection:
        check_length(request, policy_of(limits_now(connection)))
    about = forecast(desk.submitter, scope, request)
    rows = preview(desk.database, desk.files, scope, request, _ROWS) if form.do == "preview" else None
    return Looked(about, rows)


def _told(form: RequestForm, error: TailraceError) -> Told:
    """Why a form was not taken, and at which field."""
    return told_at(at_field(form, error), LABELS, error) if isinstance(error, Invalid) else told(error)


def _submit(call: Call, form: RequestForm) -> None:
    desk, base = call.desk, call.desk.base_url(call.request)
    scope = scope_for(desk.database, call.principal, form.app)
    deliveries = deliveries_of(form, base, call.principal.who)
    request = replace(request_of(form, _today(call)), deliveries=deliveries)
    with desk.database.read() as connection:
        policy = policy_of(limits_now(connection))
    submit_once(desk.submitter, call.principal, scope, request, None, policy=policy)


def _form(call: Call, form: RequestForm, looked: Looked, status: int = 200) -> Response:
    values = _offered(call, form)
    return show(call, "new_request.html", "downloads", status, looked=looked, asking=asking, labels=LABELS, **values)


def _offered(call: Call, form: RequestForm) -> dict[str, Any]:
    """What can be chosen. Without an app it is that of the first one."""
    desk = call.desk
    apps = seen_apps(desk, call.principal)
    if not form.app and apps:
        form = msgspec.structs.replace(form, app=apps[0].id)
    today = _today(call)
    offered: dict[str, Any] = {"apps": apps, "form": form, "today": day_name(today), "week_ago": day_name(today - 6)}
    names, versions = (
        desk.overviews.choices(scope_for(desk.database, call.principal, form.app)) if form.app else ((), ())
    )
    with desk.database.read() as connection:
        limits = limits_now(connection)
    return offered | {
        "names": _chosen_first(names, form.events),
        "versions": _chosen_first(versions, form.versions),
        "columns": [FIELDS[name] for name in EVENT_ROW_COLUMNS],
        "usual": frozenset(DEFAULT_EVENT_COLUMNS),
        "limits": limits,
        "ways": ways(desk, call.principal),
    }


def _chosen_first(counts: Sequence[tuple[str, int]], chosen: Sequence[str]) -> Sequence[tuple[str, int]]:
    """As many as are offered; none that is chosen is lost, whether or not there is anything of it."""
    known = dict(counts)
    return [(name, known.get(name, 0)) for name in chosen] + [one for one in counts[:_NAMES] if one[0] not in chosen]


def _today(call: Call) -> int:
    with call.desk.database.read() as connection:
        return day_of(call.desk.database.now(connection))


OPERATIONS: Sequence[Operation] = (
    Operation("GET", NEW, get_new_request, {200: PAGE}, scope="exports.create", query=NewQuery, errors=(404,)),
    sends(
        NEW,
        send_new_request,
        scope="exports.create",
        form=RequestForm,
        answers={200: PAGE, 303: SENT},
        errors=(404, 422, 429),
    ),
)
