"""From a credential to what it stands for. Whatever is unknown looks the same as what is not the caller's."""

from typing import Any

import msgspec
from sqlalchemy import Row, Select, select

from tailrace.accounts.keys import password_fits, token_hash
from tailrace.db.engine import Database, storable
from tailrace.db.tables import apps, spaces, tokens, users
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import NotFound, Unauthorized


def scope_of_write_key(database: Database, key: str) -> Scope:
    """The app that a write key sends to.

    Raises:
        Unauthorized: no app has it.
    """
    with database.read() as connection:
        row = connection.execute(_apps().where(apps.c.write_key == key)).first() if storable(key) else None
    if row is None:
        raise Unauthorized
    return _scope(row)


def principal_of_token(database: Database, secret: str, token: str) -> Principal:
    """Whoever a token speaks for.

    Raises:
        Unauthorized: it is not known.
    """
    with database.read() as connection:
        row = connection.execute(select(tokens).where(tokens.c.hash == token_hash(secret, token))).first()
    if row is None:
        raise Unauthorized
    return Principal(
        space=row.space,
        user=row.user,
        token=row.number,
        scopes=frozenset(msgspec.json.decode(row.scopes)),
        apps=frozenset(msgspec.json.decode(row.apps)),
    )


def scope_for(database: Database, principal: Principal, app_id: str) -> Scope:
    """An app of the caller's space that its token is granted.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    if not storable(app_id):
        raise NotFound("app", app_id)
    with database.read() as connection:
        row = connection.execute(_apps().where(apps.c.space == principal.space, apps.c.id == app_id)).first()
    if row is None or not principal.may_see(app_id):
        raise NotFound("app", app_id)
    return _scope(row)


def scope_of_app(database: Database, app_id: str) -> Scope:
    """An app by its id, for the operator of the server.

    Raises:
        NotFound: no space has it.
    """
    with database.read() as connection:
        row = connection.execute(_apps().where(apps.c.id == app_id)).first()
    if row is None:
        raise NotFound("app", app_id)
    return _scope(row)


def scope_of_number(database: Database, space: int, app: int) -> Scope:
    """An app by its number, for a worker that has one of its jobs."""
    with database.read() as connection:
        return _scope(connection.execute(_apps().where(apps.c.space == space, apps.c.number == app)).one())


def all_scopes(database: Database) -> list[Scope]:
    """Every app, for the worker and the operator."""
    with database.read() as connection:
        return [_scope(row) for row in connection.execute(_apps().order_by(apps.c.number))]


def user_of_login(database: Database, email: str, password: str) -> "Row[Any]":
    """The user whose e-mail and password these are.

    Raises:
        Unauthorized: no user, or another password.
    """
    with database.read() as connection:
        rows = connection.execute(select(users).where(users.c.email == email)).all() if storable(email) else []
    for row in rows:
        if password_fits(row.password_hash, password):
            return row
    raise Unauthorized


def _apps() -> Select[Any]:
    named = select(apps.c.number, apps.c.space, apps.c.id, spaces.c.id.label("space_id"))
    return named.join(spaces, spaces.c.number == apps.c.space)


def _scope(row: "Row[Any]") -> Scope:
    return Scope(row.space, row.number, row.space_id, row.id)
