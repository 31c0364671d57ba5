"""Who may do what, as values. Every query and key takes a scope: nothing is read across spaces."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["admin", "architect", "standard"]
ROLES: tuple[Role, ...] = ("admin", "architect", "standard")
EVERYTHING = "*"
SCOPES = (EVERYTHING, "exports.create", "exports.read")


@dataclass(frozen=True, slots=True)
class Scope:
    """One app of one space, by number for the database and by id for names."""

    space: int
    app: int
    space_id: str
    app_id: str

    @property
    def prefix(self) -> str:
        """Where this app's objects begin; no object of another app begins so."""
        return f"{self.space_id}/{self.app_id}"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a valid token speaks for."""

    space: int
    user: int
    token: int
    scopes: frozenset[str]
    apps: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the token carries a scope such as ``exports.create``."""
        return EVERYTHING in self.scopes or scope in self.scopes

    def may_see(self, app_id: str) -> bool:
        """Whether the token is granted an app."""
        return EVERYTHING in self.apps or app_id in self.apps
