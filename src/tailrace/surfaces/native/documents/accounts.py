"""Apps, users, tokens, logins and the audit."""

from typing import Annotated, Any, Literal

import msgspec

from tailrace.accounts.chosen import LONGEST_PASSWORD
from tailrace.model.access import Role, TokenKind, UserKind, Withheld
from tailrace.surfaces.native.documents.base import Count, Instant, Strict
from tailrace.surfaces.native.documents.schemas import APP_OR_ALL, EMAIL, ID, PASSWORD, SCOPE_OR_ALL, USER_ID
from tailrace.web.paging import PageQuery

_TEN_YEARS_S = 315_360_000
# What else must hold is checked, in words of their own, where they are parsed.
_Id = Annotated[str, msgspec.Meta(extra_json_schema=ID)]
_Email = Annotated[str, msgspec.Meta(max_length=320, extra_json_schema=EMAIL)]
_NewPassword = Annotated[str, msgspec.Meta(max_length=LONGEST_PASSWORD, extra_json_schema=PASSWORD)]
_UserId = Annotated[str, msgspec.Meta(extra_json_schema=USER_ID)]
_Scope = Annotated[str, msgspec.Meta(extra_json_schema=SCOPE_OR_ALL)]
_App = Annotated[str, msgspec.Meta(extra_json_schema=APP_OR_ALL)]
_Name = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]
_Secret = Annotated[str, msgspec.Meta(max_length=LONGEST_PASSWORD)]
_Scopes = Annotated[list[_Scope], msgspec.Meta(max_length=1000)]
_Apps = Annotated[list[_App], msgspec.Meta(max_length=1000)]


def _all() -> list[str]:
    return ["*"]


class TokenBody(Strict):
    """A token to be made, for the caller or another `user`. It ends at an instant, after some seconds, or never."""

    name: _Name = ""
    scopes: _Scopes = msgspec.field(default_factory=_all)
    apps: _Apps = msgspec.field(default_factory=_all)
    user: _UserId | None = None
    expires_in: Annotated[int, msgspec.Meta(ge=1, le=_TEN_YEARS_S)] | None = None
    expires_at: Instant | None = None


class RefreshBody(Strict):
    """For how many seconds the old text of a token still works."""

    grace: Annotated[int, msgspec.Meta(ge=0, le=604_800)] = 0


class TokenDocument(Strict):
    """A token without its text. `used_at` is exact to a minute."""

    id: str
    user: str
    owner: str
    kind: TokenKind
    name: str
    scopes: list[str]
    apps: list[str]
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    used_at: Instant | None


class NewTokenDocument(TokenDocument):
    """A new token with its text, which is shown this once."""

    token: str


class TokensQuery(PageQuery):
    """Which tokens: of one user, and with those that have ended."""

    user: _UserId | None = None
    ended: bool = False


class TokensDocument(Strict):
    """A page of tokens, newest first."""

    tokens: list[TokenDocument]
    next: str | None


class UserBody(Strict):
    """A user to be made. One of the kind `programmatic` has tokens and no password."""

    email: _Email
    role: Role = "standard"
    kind: UserKind = "person"
    apps: _Apps = msgspec.field(default_factory=_all)
    password: _NewPassword | None = None


class UserChangeBody(Strict):
    """What is to be different of a user; null leaves it as it is."""

    role: Role | None = None
    apps: _Apps | None = None
    password: _NewPassword | None = None
    disabled: bool | None = None
    withheld: list[Withheld] | None = None


class UserDocument(Strict):
    """A user; `password` says whether there is one, `withheld` what the role has and the user has not."""

    id: str
    space: str
    email: str
    role: Role
    kind: UserKind
    apps: list[str]
    created_at: Instant
    disabled_at: Instant | None
    password: bool
    withheld: list[Withheld]


class UsersDocument(Strict):
    """A page of users, newest first."""

    users: list[UserDocument]
    next: str | None


class AppBody(Strict):
    """An app to be made; its id is for ever."""

    id: _Id
    name: _Name = ""


class AppChangeBody(Strict):
    """Another name of an app."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class KeyBody(Strict):
    """Which key is to be made anew."""

    key: Literal["write_key", "export_key", "api_key"]


class KeyDocument(Strict):
    """A new key; that of the kind `export_key` is shown this once."""

    app: str
    key: str
    value: str


class AppDocument(Strict):
    """An app; its keys are null without the scope `keys.write`. `export_key` says whether there is one."""

    id: str
    name: str
    write_key: str | None
    api_key: str | None
    export_key: bool


class AppsDocument(Strict):
    """A page of apps, newest first."""

    apps: list[AppDocument]
    next: str | None


class EventDocument(Strict):
    """An event by its name. A blocked one is unknown to dialects that know of such a switch."""

    name: str
    blocked: bool


class EventsDocument(Strict):
    """A page of events, newest first."""

    events: list[EventDocument]
    next: str | None


class EventChangeBody(Strict):
    """An event by its name, and whether it is to be blocked."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
    blocked: bool


class LoginBody(Strict):
    """E-mail and password; `space` is needed where several have the e-mail."""

    email: Annotated[str, msgspec.Meta(max_length=320)]
    password: _Secret
    space: str | None = None


class PasswordBody(Strict):
    """The password that holds, and the one that shall."""

    current: _Secret
    password: _NewPassword


class MeDocument(UserDocument):
    """The caller: the user, and what the credential may. `csrf` is there for a login session only."""

    scopes: list[str]
    granted: list[str]
    token: TokenDocument | None
    csrf: str | None


class LoginDocument(Strict):
    """A session, whose text is in the cookie alone. Send `csrf` as X-CSRF-Token with what changes something."""

    csrf: str
    expires_at: Instant
    user: str


class SessionsDocument(Strict):
    """How many login sessions have ended."""

    ended: Count


class SetupBody(Strict):
    """The token of a set-up link, and the admin that it is to make."""

    token: Annotated[str, msgspec.Meta(max_length=200)]
    email: _Email
    password: _NewPassword
    space: _Id = "main"


class SetupDocument(Strict):
    """The first admin."""

    user: str
    space: str


class AuditQuery(PageQuery, rename={"since": "from", "until": "to"}):
    """Which entries: of an action, of a half-open stretch of time."""

    action: str | None = None
    since: Instant | None = None
    until: Instant | None = None


class EntryDocument(Strict):
    """What somebody did. `subject` is the id of what it is about; keys of `detail` go by the action."""

    number: Count
    at: Instant
    who: str
    user: str | None
    token: str | None
    action: str
    app: str | None
    subject: str
    address: str
    detail: dict[str, Any]


class AuditDocument(Strict):
    """A page of the audit, newest first."""

    entries: list[EntryDocument]
    next: str | None
