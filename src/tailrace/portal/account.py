"""Account: one's own tokens and password."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from starlette.responses import Response

from tailrace.accounts.logins import change_password
from tailrace.accounts.tokens import WantedToken, list_tokens, make_token, reset_user_token, revoke_token, user_token
from tailrace.model.access import EVERYTHING, SCOPES
from tailrace.model.clock import DAY
from tailrace.model.errors import Locked, NotFound, TailraceError, TooSoon, Unauthorized, Unavailable
from tailrace.model.ids import number_of
from tailrace.portal.errors import Told, told
from tailrace.portal.pages import PAGE, seen, sends, show
from tailrace.web.auditing import actor
from tailrace.web.forms import Form
from tailrace.web.operations import Call, Operation

ACCOUNT = "/portal/account"
_MOST = 200
_LIVES: Mapping[str, int | None] = {"30": 30 * DAY, "365": 365 * DAY, "ever": None}


class TokenForm(Form):
    """A new token: its name, what it may (nothing chosen: all that its maker may), and how long it lives, in days."""

    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    scopes: list[str] = []  # noqa: RUF012 - msgspec makes a new one for each
    life: Literal["30", "365", "ever"] = "365"


class PasswordForm(Form):
    """The password as it is, and as it is to be."""

    current: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    password: str = ""


def get_account(call: Call) -> Response:
    """One's own tokens."""
    return _page(call)


def send_token(call: Call) -> Response:
    """Make a token. It is on the page that answers, and never shown again."""
    desk, form = call.desk, call.body
    wanted = WantedToken(form.name, tuple(form.scopes) or (EVERYTHING,), expires_in=_LIVES[form.life])
    try:
        made = make_token(desk.database, desk.identity.secret, call.principal, wanted, actor(call))
    except Unavailable:
        raise
    except TailraceError as error:
        return _page(call, refused=told(error))
    return _page(call, token=made.text)


def send_my_reset(call: Call) -> Response:
    """Make or replace the one token of the caller. It is on the page that answers, and never shown again."""
    desk = call.desk
    made = reset_user_token(desk.database, desk.identity.secret, call.principal, None, actor(call))
    return _page(call, token=made.text)


def send_revoke(call: Call) -> Response:
    """End a token; the page that lists the others follows."""
    number = number_of("tkn", call.path("id"))
    if number is None:
        raise NotFound("token", call.path("id"))
    revoke_token(call.desk.database, call.principal, number, actor(call))
    return seen(ACCOUNT)


def send_password(call: Call) -> Response:
    """Change one's own password; all other sessions end."""
    form = call.body
    try:
        change_password(call.desk.database, call.principal, form.current, form.password)
    except Unauthorized:
        return _page(call, refused=Told(403, "This is another password", "The current password is wrong."))
    except (Locked, TooSoon) as error:
        return _page(call, refused=told(error))
    return seen(ACCOUNT)


def _page(call: Call, token: str | None = None, refused: Told | None = None) -> Response:
    values = _values(call)
    status = refused.status if refused else 200
    return show(call, "account.html", "account", status, token=token, refused=refused, **values)


def _values(call: Call) -> Mapping[str, Any]:
    database, principal = call.desk.database, call.principal
    mine = list_tokens(database, principal, user=principal.user, ended=False, before=None, most=_MOST)
    offered = {name: what for name, what in SCOPES.items() if name in principal.scopes}
    return {"tokens": mine, "user_token": user_token(database, principal), "offered": offered}


OPERATIONS: Sequence[Operation] = (
    Operation("GET", ACCOUNT, get_account, {200: PAGE}),
    sends(f"{ACCOUNT}/tokens", send_token, scope="tokens.write", form=TokenForm, answers={200: PAGE}, errors=(403,)),
    sends(f"{ACCOUNT}/token:reset", send_my_reset, scope="tokens.write", answers={200: PAGE}),
    sends(f"{ACCOUNT}/tokens/{{id}}:revoke", send_revoke, scope="tokens.write", errors=(404,)),
    sends(f"{ACCOUNT}/password", send_password, scope="tokens.write", form=PasswordForm, errors=(403, 429)),
)
