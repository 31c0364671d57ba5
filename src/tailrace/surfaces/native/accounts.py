"""Between accounts and the documents of the native API."""

from tailrace.accounts.apps import App
from tailrace.accounts.audit import Noted
from tailrace.accounts.token_rows import NewToken, Token
from tailrace.accounts.tokens import WantedToken
from tailrace.accounts.users import User
from tailrace.model.clock import iso
from tailrace.model.errors import Invalid, NotFound
from tailrace.model.ids import number_of, numbered
from tailrace.store.catalogue import KnownEvent
from tailrace.surfaces.native.documents.accounts import (
    AppDocument,
    EntryDocument,
    EventDocument,
    NewTokenDocument,
    TokenBody,
    TokenDocument,
    UserDocument,
)
from tailrace.surfaces.native.parse import instant


def token_number(text: str) -> int:
    """The number in a token's id.

    Raises:
        NotFound: it is no such id.
    """
    return _number("tkn", "token", text)


def user_number(text: str) -> int:
    """The number in a user's id.

    Raises:
        NotFound: it is no such id.
    """
    return _number("usr", "user", text)


def wanted_token(body: TokenBody) -> WantedToken:
    """What a token is to be.

    Raises:
        Invalid: it has two ends, or its end is no instant.
        NotFound: it names nobody.
    """
    if body.expires_in is not None and body.expires_at is not None:
        raise Invalid("expires_at", "give expires_in or expires_at, not both")
    return WantedToken(
        name=body.name,
        scopes=body.scopes,
        apps=body.apps,
        user=None if body.user is None else user_number(body.user),
        expires_at=instant(body.expires_at, "expires_at"),
        expires_in=None if body.expires_in is None else body.expires_in * 1000,
    )


def token_document(token: Token) -> TokenDocument:
    """A token without its text."""
    return TokenDocument(
        id=numbered("tkn", token.number),
        user=numbered("usr", token.user),
        owner=token.who,
        kind=token.kind,
        name=token.name,
        scopes=list(token.scopes),
        apps=list(token.apps),
        created_at=iso(token.created_at),
        expires_at=iso_or_none(token.expires_at),
        revoked_at=iso_or_none(token.revoked_at),
        used_at=iso_or_none(token.used_at),
    )


def new_token_document(made: NewToken) -> NewTokenDocument:
    """A token with its text."""
    shown = token_document(made.token)
    return NewTokenDocument(**{name: getattr(shown, name) for name in shown.__struct_fields__}, token=made.text)


def user_document(user: User) -> UserDocument:
    """A user."""
    return UserDocument(
        id=numbered("usr", user.number),
        space=user.space,
        email=user.email,
        role=user.role,
        kind=user.kind,
        apps=list(user.apps),
        created_at=iso(user.created_at),
        disabled_at=iso_or_none(user.disabled_at),
        password=user.password,
        withheld=list(user.withheld),
    )


def app_document(app: App) -> AppDocument:
    """An app."""
    return AppDocument(app.id, app.name, app.write_key, app.api_key, app.export_key)


def event_document(event: KnownEvent) -> EventDocument:
    """An event by its name."""
    return EventDocument(event.name, event.blocked)


def entry_document(noted: Noted) -> EntryDocument:
    """An entry of the audit."""
    return EntryDocument(
        number=noted.number,
        at=iso(noted.at),
        who=noted.who,
        user=None if noted.user is None else numbered("usr", noted.user),
        token=None if noted.token is None else numbered("tkn", noted.token),
        action=noted.action,
        app=noted.app,
        subject=noted.subject,
        address=noted.address,
        detail=noted.detail,
    )


def iso_or_none(ms: int | None) -> str | None:
    """An instant that may be missing."""
    return None if ms is None else iso(ms)


def _number(prefix: str, kind: str, text: str) -> int:
    number = number_of(prefix, text)
    if number is None:
        raise NotFound(kind, text)
    return number
