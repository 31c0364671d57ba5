"""`client.tokens`, `client.users`, `client.apps` and `client.me`."""

from collections.abc import Sequence
from typing import Any

from tailrace.client.calls import Call, Steps, query, segment
from tailrace.client.documents.accounts import (
    App,
    AppEvent,
    AppEventPage,
    AppPage,
    Key,
    Me,
    Token,
    TokenPage,
    User,
    UserPage,
)
from tailrace.client.methods import Group, Listing, Method, R, one
from tailrace.client.session import Session, basic

_TOKENS, _USERS, _APPS = "/v1/tokens", "/v1/users", "/v1/apps"


def get_me() -> Call[Me]:
    """Whom the token speaks for, and what it may."""
    return Call("GET", "/v1/me", Me)


def list_tokens(
    after: str | None, /, *, user: str | None = None, ended: bool = False, limit: int | None = None
) -> Call[TokenPage]:
    """Tokens that one may see, without their texts; with `ended` those too that do not work any more."""
    return Call("GET", _TOKENS, TokenPage, query(user=user, ended="true" if ended else None, limit=limit, after=after))


def get_token(token_id: str) -> Call[Token]:
    """One token, without its text."""
    return Call("GET", f"{_TOKENS}/{segment(token_id)}", Token)


def create_token(
    *,
    name: str | None = None,
    scopes: Sequence[str] | None = None,
    apps: Sequence[str] | None = None,
    user: str | None = None,
    expires_at: str | None = None,
    expires_in: int | None = None,
) -> Call[Token]:
    """Make a token; its text is in the answer and nowhere else. It ends at an instant, after seconds, or never."""
    body = _given(name=name, scopes=scopes, apps=apps, user=user, expires_at=expires_at, expires_in=expires_in)
    return Call("POST", _TOKENS, Token, body=body, repeatable=False)


def refresh_token(token_id: str, *, grace: int | None = None) -> Call[Token]:
    """Give a token a new text and a new id; the old ones end at once, or after a grace in seconds."""
    return Call("POST", f"{_TOKENS}/{segment(token_id)}:refresh", Token, body=_given(grace=grace), repeatable=False)


def revoke_token(token_id: str) -> Call[Any]:
    """End a token."""
    return Call("DELETE", f"{_TOKENS}/{segment(token_id)}", object)


def token_for_login(session: Session, email: str, password: str, *, name: str | None = None) -> Steps[Token]:
    """Exchange an e-mail and a password for a token of every right that the user has."""
    body, shown = _given(name=name), basic(email, password)
    return session.perform(Call("POST", _TOKENS, Token, body=body, repeatable=False, authorization=shown))


def list_users(after: str | None, /, *, limit: int | None = None) -> Call[UserPage]:
    """Users of the space."""
    return Call("GET", _USERS, UserPage, query(limit=limit, after=after))


def get_user(user_id: str) -> Call[User]:
    """One user."""
    return Call("GET", f"{_USERS}/{segment(user_id)}", User)


def create_user(
    email: str,
    *,
    role: str | None = None,
    kind: str | None = None,
    apps: Sequence[str] | None = None,
    password: str | None = None,
) -> Call[User]:
    """Make a user."""
    body = _given(email=email, role=role, kind=kind, apps=apps, password=password)
    return Call("POST", _USERS, User, body=body, repeatable=False)


def set_user(
    user_id: str,
    *,
    role: str | None = None,
    apps: Sequence[str] | None = None,
    password: str | None = None,
    disabled: bool | None = None,
    withheld: Sequence[str] | None = None,
) -> Call[User]:
    """Change what is given of a user."""
    body = _given(role=role, apps=apps, password=password, disabled=disabled, withheld=withheld)
    return Call("PATCH", f"{_USERS}/{segment(user_id)}", User, body=body)


def disable_user(user_id: str) -> Call[Any]:
    """Disable a user: logins and tokens end, what they did stays."""
    return Call("DELETE", f"{_USERS}/{segment(user_id)}", object)


def list_apps(after: str | None, /, *, limit: int | None = None) -> Call[AppPage]:
    """Apps of the space that one may see."""
    return Call("GET", _APPS, AppPage, query(limit=limit, after=after))


def get_app(app_id: str) -> Call[App]:
    """One app."""
    return Call("GET", f"{_APPS}/{segment(app_id)}", App)


def create_app(app_id: str, *, name: str | None = None) -> Call[App]:
    """Make an app; its keys are in the answer."""
    return Call("POST", _APPS, App, body=_given(id=app_id, name=name), repeatable=False)


def set_app(app_id: str, *, name: str | None = None) -> Call[App]:
    """Change what is given of an app."""
    return Call("PATCH", f"{_APPS}/{segment(app_id)}", App, body=_given(name=name))


def rotate_keys(app_id: str, key: str) -> Call[Key]:
    """Give an app a new `write_key`, `export_key` or `api_key`; the old one ends."""
    return Call("POST", f"{_APPS}/{segment(app_id)}/keys:rotate", Key, body={"key": key}, repeatable=False)


def list_app_events(after: str | None, /, app_id: str, *, limit: int | None = None) -> Call[AppEventPage]:
    """Event names that an app has sent."""
    return Call("GET", f"{_APPS}/{segment(app_id)}/events", AppEventPage, query(limit=limit, after=after))


def block_event(app_id: str, name: str, *, blocked: bool = True) -> Call[AppEvent]:
    """Block an event of an app, or let it be seen again, in dialects that know of blocked events."""
    body = {"name": name, "blocked": blocked}
    return Call("PATCH", f"{_APPS}/{segment(app_id)}/events", AppEvent, body=body)


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


class Tokens(Group[R]):
    """Programmatic credentials."""

    list = Listing(list_tokens)
    get = one(get_token)
    create = one(create_token)
    refresh = one(refresh_token)
    revoke = one(revoke_token)
    for_login = Method(token_for_login)


class Users(Group[R]):
    """Who may log in."""

    list = Listing(list_users)
    get = one(get_user)
    create = one(create_user)
    set = one(set_user)
    disable = one(disable_user)


class Apps(Group[R]):
    """Applications of the space."""

    list = Listing(list_apps)
    get = one(get_app)
    create = one(create_app)
    set = one(set_app)
    rotate_keys = one(rotate_keys)
    events = Listing(list_app_events)
    block_event = one(block_event)


class Myself(Group[R]):
    """Whoever the token speaks for."""

    get = one(get_me)
