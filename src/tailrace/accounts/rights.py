"""Nobody gives more than he has: what a caller may put into tokens and users."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, select

from tailrace.db.tables import apps
from tailrace.model.access import EVERYTHING, ROLE_SCOPES, SCOPES, Principal, Role, apps_of
from tailrace.model.errors import AboveYou, Invalid


def grant_scopes(principal: Principal, wanted: Collection[str]) -> list[str]:
    """The scopes that a token made by the caller gets. ``*`` stays what it is only if the caller has it himself.

    Raises:
        Invalid: there is no such scope.
        AboveYou: the caller lacks one.
    """
    known = (EVERYTHING, *SCOPES)
    if unknown := [scope for scope in wanted if scope not in known]:
        raise Invalid("scopes", f"there is no scope {unknown[0]!r}; known are {', '.join(known)}")
    if EVERYTHING in wanted:
        return [EVERYTHING] if principal.whole else sorted(principal.scopes)
    for scope in wanted:
        if scope not in principal.scopes:
            raise AboveYou(f"the scope {scope}")
    return sorted(set(wanted))


def grant_apps(connection: Connection, principal: Principal, wanted: Collection[str]) -> list[str]:
    """The apps that a token made by the caller gets. ``*`` stays what it is only if the caller has it himself.

    Raises:
        Invalid: there is no such app, or it is not the caller's to know of.
    """
    there = set(connection.scalars(select(apps.c.id).where(apps.c.space == principal.space)))
    for app in wanted:
        if app != EVERYTHING and (app not in there or not principal.may_see(app)):
            raise Invalid("apps", f"there is no app {app!r}")
    return sorted(principal.apps if EVERYTHING in wanted else set(wanted))


def check_rights(principal: Principal, scopes: Collection[str], granted: Collection[str]) -> None:
    """Make sure that the caller has scopes and apps (ids or ``*``) himself.

    Raises:
        AboveYou: one is missing; it is named.
    """
    if missing := sorted(set(scopes) - principal.scopes):
        raise AboveYou(f"the scope {missing[0]}")
    if EVERYTHING not in principal.apps and not set(granted) <= principal.apps:
        raise AboveYou("all of these apps")


def check_user(principal: Principal, role: Role, granted: Collection[str], withheld: Collection[str] = ()) -> None:
    """Make sure that a user of a role and of apps, but for what is withheld, is not above the caller.

    Raises:
        AboveYou: he is; what is missing is named.
    """
    check_rights(principal, ROLE_SCOPES[role].difference(withheld), granted)


def check_token(
    principal: Principal, scopes: Collection[str], granted: Collection[str], owner: Collection[str]
) -> None:
    """Make sure that a token (its scopes without ``*``, its apps, its owner's apps) can no more than the caller.

    Raises:
        AboveYou: it can; what is missing is named.
    """
    check_rights(principal, scopes, apps_of(owner, granted))


def texts(column: str) -> list[str]:
    """A list of texts as rows keep it."""
    found: list[str] = msgspec.json.decode(column, type=list[str])
    return found


def packed(values: Collection[str]) -> str:
    """What rows keep of a list of texts."""
    return msgspec.json.encode(list(values)).decode()
