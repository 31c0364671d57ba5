"""Tokens, users, apps, and who one is."""

from datetime import datetime

from msgspec import Struct, field


class Token(Struct, frozen=True, kw_only=True):
    """A token; its text is in `token` where it is new, and shown that once."""

    id: str = ""
    name: str = ""
    kind: str = ""
    user: str = ""
    owner: str = ""
    scopes: list[str] = []
    apps: list[str] = []
    created_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None
    token: str | None = None

    def __repr__(self) -> str:
        return f"Token(id={self.id!r}, name={self.name!r})"  # never its text: what is printed ends up in logs


class User(Struct, frozen=True, kw_only=True):
    """A person or a program of the space; `password` says whether there is one."""

    id: str
    space: str = ""
    email: str = ""
    role: str = ""
    kind: str = ""
    apps: list[str] = []
    created_at: datetime | None = None
    disabled_at: datetime | None = None
    password: bool = False
    withheld: list[str] = []


class App(Struct, frozen=True, kw_only=True):
    """An app; its keys are there for those who may see them, and `export_key` says whether there is one."""

    id: str
    name: str = ""
    api_key: str | None = None
    write_key: str | None = None
    export_key: bool = False

    def __repr__(self) -> str:
        return f"App(id={self.id!r}, name={self.name!r})"


class Key(Struct, frozen=True, kw_only=True):
    """A new key of an app, such as `write_key`; `value` may be shown this once."""

    app: str = ""
    key: str = ""
    value: str = ""

    def __repr__(self) -> str:
        return f"Key(app={self.app!r}, key={self.key!r})"


class Me(User, frozen=True, kw_only=True):
    """Whom the token speaks for, and what it may: scopes, and the apps that are granted."""

    scopes: list[str] = []
    granted: list[str] = []


class TokenPage(Struct, frozen=True):
    """Some tokens, and where the next page begins."""

    items: list[Token] = field(name="tokens", default_factory=list)
    next: str | None = None


class UserPage(Struct, frozen=True):
    """Some users, and where the next page begins."""

    items: list[User] = field(name="users", default_factory=list)
    next: str | None = None


class AppPage(Struct, frozen=True):
    """Some apps, and where the next page begins."""

    items: list[App] = field(name="apps", default_factory=list)
    next: str | None = None


class AppEvent(Struct, frozen=True, kw_only=True):
    """An event of an app by its name. A blocked one is unknown to dialects that know of such a switch."""

    name: str
    blocked: bool = False


class AppEventPage(Struct, frozen=True):
    """Some events, and where the next page begins."""

    items: list[AppEvent] = field(name="events", default_factory=list)
    next: str | None = None
