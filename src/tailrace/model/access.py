"""Who may do what, as values. Every query and key takes a scope: nothing is read across spaces."""

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from msgspec import Struct

Role = Literal["admin", "architect", "standard"]
UserKind = Literal["person", "programmatic"]
# What can be kept from a user whose role has it: to have tokens, and to take data out.
Withheld = Literal["tokens.write", "exports.create", "exports.read"]
# `api` is a token that somebody made; `user` the one that a user has of the space; `login` a session in a browser.
TokenKind = Literal["api", "user", "login"]
ROLES: tuple[Role, ...] = get_args(Role)
WITHHELD: tuple[Withheld, ...] = get_args(Withheld)
EVERYTHING = "*"
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"  # of spaces and apps: it is part of paths and object names
SCOPES: Mapping[str, str] = {
    "exports.create": "Ask for exports, cancel and repeat them.",
    "exports.read": "See exports and download their files.",
    "apps.read": "See apps, without their keys.",
    "apps.write": "Make and change apps.",
    "keys.write": "See the keys of apps and make new ones.",
    "profiles.read": "See what is known of the users of apps.",
    "profiles.write": "Set what is known of the users of apps.",
    "tokens.write": "Make, list, refresh and revoke tokens of one's own; those of others together with `users.write`.",
    "users.read": "See the users of the space.",
    "users.write": "Make, change and disable users.",
    "audit.read": "Read who did what.",
    "metrics.read": "Read the metrics of the server.",
}
_STANDARD = frozenset(("exports.create", "exports.read", "apps.read", "profiles.read", "tokens.write"))
_ARCHITECT = _STANDARD | {"apps.write", "profiles.write", "audit.read", "metrics.read"}
ROLE_SCOPES: Mapping[Role, frozenset[str]] = {
    "admin": frozenset(SCOPES),
    "architect": _ARCHITECT,
    "standard": _STANDARD,
}


class Scope(Struct, frozen=True):
    """One app of one space, by number for the database and by id for names."""

    space: int
    app: int
    space_id: str
    app_id: str

    @property
    def prefix(self) -> str:
        """Where this app's objects begin; no object of another app begins so."""
        return f"{self.space_id}/{self.app_id}"


class Principal(Struct, frozen=True):
    """Whoever a valid token speaks for: never more than its owner may now.

    `scopes` are single ones, `apps` ids or ``*`` for all of the space. `who` is the owner's e-mail. `whole` says that
    the token has all scopes of its owner, whatever they become. `token` is 0 for whoever came with a password, `user`
    as well for whoever came with the key of an app. `address` is where the request came from. `withheld` are scopes
    that are kept from the owner, whatever the role.
    """

    space: int
    user: int
    token: int
    scopes: frozenset[str]
    apps: frozenset[str]
    role: Role = "admin"
    who: str = ""
    kind: TokenKind = "api"
    whole: bool = False
    address: str = ""
    withheld: frozenset[str] = frozenset()

    def may(self, scope: str) -> bool:
        """Whether the token carries a scope such as ``exports.create``."""
        return scope in self.scopes

    def may_see(self, app_id: str) -> bool:
        """Whether the token is granted an app."""
        return EVERYTHING in self.apps or app_id in self.apps


def scopes_of(role: Role, wanted: Collection[str], withheld: Collection[str] = ()) -> frozenset[str]:
    """What is left of a token's scopes (``*`` is all) for an owner of a role from whom some are withheld."""
    had = ROLE_SCOPES[role].difference(withheld)
    return had if EVERYTHING in wanted else had.intersection(wanted)


def apps_of(owner: Collection[str], wanted: Collection[str]) -> frozenset[str]:
    """What is left of a token's apps (``*`` is all) for an owner who is granted some himself."""
    if EVERYTHING in owner:
        return frozenset(wanted)
    return frozenset(owner) if EVERYTHING in wanted else frozenset(owner).intersection(wanted)
