"""The first page: the apps, and how much of each is there."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.responses import Response

from tailrace.accounts.apps import App, list_apps
from tailrace.model.access import Principal
from tailrace.portal.pages import HOME, PAGE, SENT, seen, show
from tailrace.reports.counts import AppCounts, count_store
from tailrace.web.desk import Desk
from tailrace.web.operations import Call, Operation

MOST_APPS = 1000


class Held(Struct, frozen=True):
    """An app and its ledger."""

    app: App
    counts: AppCounts | None


async def get_root(_call: Call) -> Response:
    """To the portal."""
    return seen(HOME)


def get_home(call: Call) -> Response:
    """The apps."""
    held = held_apps(call.desk, call.principal)
    return show(call, "home.html", "home", held=held, base=call.desk.base_url(call.request))


def held_apps(desk: Desk, principal: Principal) -> Sequence[Held]:
    """The apps that the caller may see, with their counts."""
    counts = {one.app_id: one for one in count_store(desk.database).apps if one.space == principal.space}
    return [Held(app, counts.get(app.id)) for app in seen_apps(desk, principal)]


def seen_apps(desk: Desk, principal: Principal) -> Sequence[App]:
    """The apps that the caller may see, by name."""
    apps = list_apps(desk.database, principal, before=None, most=MOST_APPS)
    return sorted(apps, key=lambda app: app.name.lower())


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/", get_root, {303: SENT}, security="none"),
    Operation("GET", HOME, get_home, {200: PAGE}),
)
