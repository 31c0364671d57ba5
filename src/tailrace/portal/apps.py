"""Admin > Apps: the apps, how each is sent to, and its keys for whoever may see them."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from starlette.responses import Response

from tailrace.accounts.apps import KEYS_SCOPE, Key, find_app, make_app, rotate_key
from tailrace.ingest.protocols.snippets import snippets
from tailrace.model.errors import NotFound, TailraceError, Unavailable
from tailrace.portal.errors import Told, told
from tailrace.portal.home import held_apps
from tailrace.portal.pages import PAGE, seen, sends, show
from tailrace.web.auditing import actor
from tailrace.web.forms import Form
from tailrace.web.operations import Call, Operation

ALL = "/portal/admin/apps"
ONE = f"{ALL}/{{id}}"
_NO_KEY = "YOUR_WRITE_KEY"


class AppForm(Form):
    """A new app."""

    id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""


class KeyForm(Form):
    """Which key is to be made anew."""

    key: Key


def get_apps_page(call: Call) -> Response:
    """The apps."""
    return _list(call, AppForm())


def send_app(call: Call) -> Response:
    """Make an app; its page follows."""
    desk, form = call.desk, call.body
    try:
        made = make_app(desk.database, desk.apps, call.principal, form.id, form.name, actor(call))
    except (NotFound, Unavailable):
        raise
    except TailraceError as error:
        return _list(call, form, told(error))
    return seen(f"{ALL}/{made.id}")


def get_app_page(call: Call) -> Response:
    """How an app is sent to, and its keys."""
    return _one(call, None)


def send_rotate(call: Call) -> Response:
    """Make a new key. It is on the page that answers; an export key is never shown again."""
    desk, key = call.desk, call.body.key
    text = rotate_key(desk.database, desk.identity.secret, call.principal, call.path("id"), key, actor(call))
    return _one(call, (key, text))


def _list(call: Call, form: AppForm, refused: Told | None = None) -> Response:
    held = held_apps(call.desk, call.principal)
    return show(call, "apps.html", "apps", refused.status if refused else 200, held=held, form=form, refused=refused)


def _one(call: Call, made: tuple[Key, str] | None) -> Response:
    app = find_app(call.desk.database, call.principal, call.path("id"))
    base = call.desk.base_url(call.request)
    shown = snippets(base, app.write_key or _NO_KEY)
    return show(call, "app.html", "apps", app=app, base=base, snippets=shown, made=made)


OPERATIONS: Sequence[Operation] = (
    Operation("GET", ALL, get_apps_page, {200: PAGE}, scope="apps.read"),
    sends(ALL, send_app, scope="apps.write", form=AppForm, errors=(403, 404, 409)),
    Operation("GET", ONE, get_app_page, {200: PAGE}, scope="apps.read", errors=(404,)),
    sends(f"{ONE}/keys:rotate", send_rotate, scope=KEYS_SCOPE, form=KeyForm, answers={200: PAGE}, errors=(404,)),
)
