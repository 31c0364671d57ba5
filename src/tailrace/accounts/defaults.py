"""Default apps: which app is meant where a dialect has no word for apps and a token sees several."""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select

from tailrace.accounts.lookup import granted_scope, scopes_in_space
from tailrace.db.tables import apps, default_apps
from tailrace.model.access import EVERYTHING, Principal, Scope
from tailrace.model.errors import Invalid, NotFound
from tailrace.model.policy import LIMITS

_DEFAULT = select(default_apps.c.app).where(
    default_apps.c.space == bindparam("space"), default_apps.c.dialect == bindparam("dialect")
)


def app_of_token(connection: Connection, principal: Principal, dialect: str) -> Scope:
    """The one app that a token is granted, else its space's default app for a dialect, else the only one that there is.

    Raises:
        NotFound: the token sees no app.
        Invalid: it sees several, and none of them is the default one.
    """
    if EVERYTHING not in principal.apps and len(principal.apps) == 1:
        return granted_scope(connection, principal, next(iter(principal.apps)))
    there = [scope for scope in scopes_in_space(connection, principal.space) if principal.may_see(scope.app_id)]
    if not there:
        raise NotFound("app", "")
    if len(there) == 1:
        return there[0]
    default = connection.scalar(_DEFAULT, {"space": principal.space, "dialect": dialect})
    found = next((scope for scope in there if scope.app == default), None)
    if found is None:
        raise Invalid("app", "is not clear: the key sees several apps; grant it one, or set a default app")
    return found


def set_default_apps(connection: Connection, space: int, wanted: Mapping[str, str]) -> list[str]:
    """Set the default apps of a space by dialect; the dialects whose one has changed.

    Raises:
        Invalid: there is no such dialect, or the space has no such app.
    """
    changed = []
    for dialect, app in wanted.items():
        mine = default_apps.c.space == space, default_apps.c.dialect == dialect
        number = _number(connection, space, dialect, app)
        if connection.scalar(_DEFAULT, {"space": space, "dialect": dialect}) != number:
            connection.execute(delete(default_apps).where(*mine))
            connection.execute(insert(default_apps).values(space=space, dialect=dialect, app=number))
            changed.append(dialect)
    return changed


def _number(connection: Connection, space: int, dialect: str, app: str) -> int:
    where = f"default_apps.{dialect}"
    if not any(name.startswith(f"{dialect}.") for name in LIMITS):
        raise Invalid(where, "there is no such dialect")
    number = connection.scalar(select(apps.c.number).where(apps.c.space == space, apps.c.id == app))
    if number is None:
        raise Invalid(where, f"this space has no app {app}")
    return int(number)
