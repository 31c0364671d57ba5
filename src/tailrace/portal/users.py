"""Admin > Users: who may sign in or owns tokens, made, changed and disabled."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from tailrace.accounts.tokens import reset_user_token
from tailrace.accounts.users import UserChange, WantedUser, change_user, find_user, list_users, make_user
from tailrace.model.access import EVERYTHING, ROLES, SCOPES, WITHHELD, Role, UserKind, Withheld
from tailrace.model.errors import NotFound, TailraceError, Unavailable
from tailrace.model.ids import number_of, numbered
from tailrace.portal.errors import Told, told
from tailrace.portal.pages import PAGE, seen, sends, show
from tailrace.web.auditing import actor
from tailrace.web.forms import Form
from tailrace.web.operations import Call, Operation

ALL = "/portal/admin/users"
ONE = f"{ALL}/{{id}}"
_MOST = 1000
_RIGHTS = {scope: SCOPES[scope] for scope in WITHHELD}
_LONGEST = msgspec.Meta(max_length=10_000)


class UserForm(Form):
    """A new user; apps as ids with spaces or commas between them, none for all."""

    email: Annotated[str, _LONGEST] = ""
    role: Role = "standard"
    kind: UserKind = "person"
    apps: Annotated[str, _LONGEST] = ""
    password: Annotated[str, _LONGEST] | None = None


class ChangeForm(Form):
    """What a user is to be."""

    role: Role | None = None
    apps: Annotated[str, _LONGEST] = ""
    state: Literal["enabled", "disabled"] | None = None
    password: Annotated[str, _LONGEST] | None = None


class RightsForm(Form):
    """Rights that are to be withheld from a user, all others being given."""

    withheld: list[Withheld] = []  # noqa: RUF012 - msgspec makes a new one for each


def get_users_page(call: Call) -> Response:
    """The users."""
    return _list(call, UserForm())


def send_user(call: Call) -> Response:
    """Make a user; the user's page follows."""
    form = call.body
    wanted = WantedUser(form.email, form.role, form.kind, _apps(form.apps), form.password)
    try:
        made = make_user(call.desk.database, call.principal, wanted, actor(call))
    except (NotFound, Unavailable):
        raise
    except TailraceError as error:
        return _list(call, form, told(error))
    return seen(f"{ALL}/{numbered('usr', made.number)}")


def get_user_page(call: Call) -> Response:
    """A user, with the pencil for what may be changed."""
    return _one(call)


def send_change(call: Call) -> Response:
    """Change a user; the page shows it."""
    form = call.body
    disabled = None if form.state is None else form.state == "disabled"
    return _change(call, UserChange(form.role, _apps(form.apps), form.password, disabled))


def send_withheld(call: Call) -> Response:
    """Withhold rights from a user and give the others back; the page shows it."""
    return _change(call, UserChange(withheld=call.body.withheld))


def send_reset(call: Call) -> Response:
    """Make or replace the one token of a user. It is on the page that answers, and never shown again."""
    desk = call.desk
    made = reset_user_token(desk.database, desk.identity.secret, call.principal, _number(call), actor(call))
    return _one(call, token=made.text)


def _list(call: Call, form: UserForm, refused: Told | None = None) -> Response:
    users = list_users(call.desk.database, call.principal, before=None, most=_MOST)
    status = refused.status if refused else 200
    return show(call, "users.html", "users", status, users=users, roles=ROLES, form=form, refused=refused)


def _one(call: Call, token: str | None = None, refused: Told | None = None) -> Response:
    user = find_user(call.desk.database, call.principal, _number(call))
    status = refused.status if refused else 200
    return show(
        call, "user.html", "users", status, user=user, roles=ROLES, rights=_RIGHTS, token=token, refused=refused
    )


def _change(call: Call, change: UserChange) -> Response:
    number = _number(call)
    try:
        change_user(call.desk.database, call.principal, number, change, actor(call))
    except (NotFound, Unavailable):
        raise
    except TailraceError as error:
        return _one(call, refused=told(error))
    return seen(f"{ALL}/{numbered('usr', number)}")


def _number(call: Call) -> int:
    number = number_of("usr", call.path("id"))
    if number is None:
        raise NotFound("user", call.path("id"))
    return number


def _apps(text: str) -> Sequence[str]:
    return text.replace(",", " ").split() or (EVERYTHING,)


OPERATIONS: Sequence[Operation] = (
    Operation("GET", ALL, get_users_page, {200: PAGE}, scope="users.read"),
    sends(ALL, send_user, scope="users.write", form=UserForm, errors=(403, 409)),
    Operation("GET", ONE, get_user_page, {200: PAGE}, scope="users.read", errors=(404,)),
    sends(ONE, send_change, scope="users.write", form=ChangeForm, errors=(403, 404, 409)),
    sends(f"{ONE}/withheld", send_withheld, scope="users.write", form=RightsForm, errors=(403, 404)),
    sends(f"{ONE}/token:reset", send_reset, scope="users.write", answers={200: PAGE}, errors=(403, 404)),
)
