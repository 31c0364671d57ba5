"""Signing in and out."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from starlette.responses import Response

from tailrace.accounts.logins import Credentials, sign_in, sign_out
from tailrace.model.errors import Locked, TooSoon, Unauthorized
from tailrace.portal.errors import told
from tailrace.portal.pages import HOME, PAGE, SENT, page, seen, sends
from tailrace.web.auditing import actor
from tailrace.web.auth import address
from tailrace.web.forms import Form
from tailrace.web.operations import Call, Operation
from tailrace.web.sessions import check_origin, give_session, take_session

LOGIN = "/portal/login"


class LoginForm(Form):
    """E-mail and password; the space where several have the e-mail."""

    email: Annotated[str, msgspec.Meta(max_length=320)] = ""
    password: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    space: Annotated[str, msgspec.Meta(max_length=100)] | None = None


async def show_login(_call: Call) -> Response:
    """The form to sign in with."""
    return page("login.html", error=None, email="", space="")


def send_login(call: Call) -> Response:
    """Sign in; the page that was asked for follows. Every refusal says the same, whoever is meant."""
    desk, form = call.desk, call.body
    check_origin(desk, call.request)
    shown = Credentials(form.email, form.password, form.space, address(call.request))
    secret, life_ms = desk.identity.secret, desk.settings.logins.life_ms
    try:
        session = sign_in(desk.database, secret, shown, life_ms)
    except (Unauthorized, Locked, TooSoon) as error:
        words = told(error)
        refused = page("login.html", words.status, error=words.text, email=form.email, space=form.space or "")
        refused.headers.update(words.headers)
        return refused
    response = seen(_asked_for(call))
    give_session(desk, call.request, response, session.text, life_ms)
    return response


def send_logout(call: Call) -> Response:
    """Sign out of this browser."""
    sign_out(call.desk.database, call.principal, actor(call), everywhere=False)
    response = seen(LOGIN)
    take_session(call.desk, call.request, response)
    return response


def _asked_for(call: Call) -> str:
    """The page of ours on which the form stood in place of what was asked for."""
    came_from = urlsplit(call.request.headers.get("referer", ""))
    base = urlsplit(call.desk.base_url(call.request))
    ours = (came_from.scheme, came_from.netloc) == (base.scheme, base.netloc)
    if not ours or not came_from.path.startswith(f"{HOME}/") or came_from.path == LOGIN:
        return HOME
    return came_from.path + (f"?{came_from.query}" if came_from.query else "")


OPERATIONS: Sequence[Operation] = (
    Operation("GET", LOGIN, show_login, {200: PAGE}, security="none"),
    Operation("POST", LOGIN, send_login, {303: SENT}, security="none", form=LoginForm, errors=(401, 403, 429)),
    sends("/portal/logout", send_logout),
)
