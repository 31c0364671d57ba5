"""From a credential to what it stands for. Whatever is unknown looks the same as what is not the caller's."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Row, Select, select

from tailrace.accounts.keys import password_fits, token_hash
from tailrace.db.engine import Database, storable
from tailrace.db.tables import apps, spaces, tokens, users
from tailrace.model.access import Principal, Scope, TokenKind, apps_of, scopes_of
from tailrace.model.errors import NotFound, Unauthorized

# A session in a browser comes as a cookie and with a guard against forged requests, never as a bare token.
BEARERS: Collection[TokenKind] = ("api", "user")


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


def principal_of_token(
    database: Database, secret: str, token: str, kinds: Collection[TokenKind] = BEARERS
) -> Principal:
    """Whoever a token of some kinds speaks for, with the rights that its owner has now.

    Raises:
        Unauthorized: it is not known, revoked or past its life, or its owner is disabled.
    """
    with database.read() as connection:
        row = connection.execute(_tokens().where(tokens.c.hash == token_hash(secret, token))).first()
        now = database.now(connection)
    if row is None or row.kind not in kinds or not _alive(row, now):
        raise Unauthorized
    return Principal(
        space=row.space,
        user=row.user,
        token=row.number,
        scopes=scopes_of(row.role, msgspec.json.decode(row.scopes)),
        apps=apps_of(msgspec.json.decode(row.granted), msgspec.json.decode(row.apps)),
        role=row.role,
        who=row.email,
        kind=row.kind,
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


def _tokens() -> Select[Any]:
    owner = (users.c.role, users.c.email, users.c.apps.label("granted"), users.c.disabled_at)
    return select(tokens, *owner).join(users, users.c.number == tokens.c.user)


def _alive(row: "Row[Any]", now: int) -> bool:
    ended = row.revoked_at is not None or row.disabled_at is not None
    return not ended and (row.expires_at is None or now < row.expires_at)


def _scope(row: "Row[Any]") -> Scope:
    return Scope(row.space, row.number, row.space_id, row.id)
