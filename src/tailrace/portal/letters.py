"""Dead letters of an app: rejected records with their reasons, taken in again once the reason is gone."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.accounts.apps import find_app
from tailrace.accounts.lookup import scope_for
from tailrace.ingest.doors import door_of
from tailrace.ingest.replay import Replayed, replay
from tailrace.model.access import Scope
from tailrace.portal.explore import APP
from tailrace.portal.pages import PAGE, sends, show
from tailrace.store.deadletters import newest, reasons
from tailrace.web.auditing import actor
from tailrace.web.forms import Form
from tailrace.web.operations import Call, Operation

LETTERS = f"{APP}/dead-letters"
_MOST = 50
_REASONS = 20


class ReplayForm(Form):
    """The letters that are to be read once more."""

    number: list[int] = []  # noqa: RUF012 - msgspec makes a new one for each


def get_letters(call: Call) -> Response:
    """The letters that came last, and why they wait."""
    return _page(call, None)


def send_replay(call: Call) -> Response:
    """Read letters once more; what became of each is said above the others."""
    done = _replay(call, call.body.number[:_MOST])
    call.desk.bell.ring()
    return _page(call, done)


def _replay(call: Call, numbers: Sequence[int]) -> Sequence[Replayed]:
    desk = call.desk
    door = door_of(desk.database, _scope(call), desk.doors.discretion)
    return [replay(desk.database, door, number, desk.clock.now, actor(call)) for number in numbers]


def _page(call: Call, done: Sequence[Replayed] | None) -> Response:
    desk = call.desk
    scope = _scope(call)
    app = find_app(desk.database, call.principal, call.path("id"))
    waiting = newest(desk.database, scope, _MOST)
    why = reasons(desk.database, scope, _REASONS)
    return show(call, "letters.html", "explore", app=app, letters=waiting, reasons=why, done=done)


def _scope(call: Call) -> Scope:
    return scope_for(call.desk.database, call.principal, call.path("id"))


OPERATIONS: Sequence[Operation] = (
    Operation("GET", LETTERS, get_letters, {200: PAGE}, scope="exports.read", errors=(404,)),
    sends(LETTERS, send_replay, scope="apps.write", form=ReplayForm, answers={200: PAGE}, errors=(404,)),
)
