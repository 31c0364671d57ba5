"""From a credential to what it stands for. Whatever is unknown looks the same as what is not the caller's."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from tailrace.accounts.keys import token_hash
from tailrace.accounts.limits import limit, limit_column
from tailrace.accounts.quotas import take_of
from tailrace.accounts.rights import texts
from tailrace.accounts.token_rows import BEARERS, joined
from tailrace.accounts.uses import confirm, note_use
from tailrace.db.engine import Database, storable
from tailrace.db.tables import apps, spaces, tokens
from tailrace.model.access import EVERYTHING, Principal, Scope, TokenKind, apps_of, scopes_of
from tailrace.model.errors import NotFound, Unauthorized

EXPORT_KEY = "the export key"  # who the audit says it was

# What nearly each request asks is built once: to build a statement anew takes longer than SQLite does to answer it.
_KNOWN = joined().add_columns(limit_column("requests.burst").label("burst")).where(tokens.c.hash == bindparam("hash"))
_APPS: Select[Any] = select(apps.c.number, apps.c.space, apps.c.id, spaces.c.id.label("space_id")).join(
    spaces, spaces.c.number == apps.c.space
)
_OF_SPACE = _APPS.where(apps.c.space == bindparam("space"))
_ONE_OF_SPACE = _OF_SPACE.where(apps.c.id == bindparam("id"))
_ALL_OF_SPACE = _OF_SPACE.order_by(apps.c.id)


def scope_of_write_key(database: Database, key: str) -> Scope:
    """The app that a write key sends to.

    Raises:
        Unauthorized: no app has it.
    """
    with database.read() as connection:
        row = connection.execute(_APPS.where(apps.c.write_key == key)).first() if storable(key) else None
    if row is None:
        raise Unauthorized
    return _scope(row)


def principal_of_token(
    database: Database, secret: str, token: str, kinds: Collection[TokenKind] = BEARERS, idle_ms: int | None = None
) -> Principal:
    """Whoever a token of some kinds speaks for, with the rights that its owner has now.

    With `idle_ms` a token that nobody used for so long is past its life.

    Raises:
        Unauthorized: it is not known, revoked or past its life, or its owner is disabled.
        TooSoon: it comes more often than the limit `requests.burst` allows.
    """
    with database.read() as connection:
        row = connection.execute(_KNOWN, {"hash": token_hash(secret, token)}).first()
        now = database.now(connection)
    if row is None or row.kind not in kinds or not alive(row, now, idle_ms) or not confirm(database, row, token, now):
        raise Unauthorized
    if row.burst > 0:
        with database.count() as connection:
            take_of(connection, row.space, "requests", f"tkn_{row.number}", database.now(connection))
    note_use(database, row, now, idle_ms)
    return _principal(row)


def principal_of_user(row: "Row[Any]") -> Principal:
    """A user who has just shown the password: with every right, by no token. The row has `users`, or what it has."""
    granted = frozenset(texts(row.apps))
    withheld = frozenset(texts(row.withheld))
    scopes = scopes_of(row.role, (EVERYTHING,), withheld)
    return Principal(
        row.space, row.number, 0, scopes, granted, row.role, row.email, "login", whole=True, withheld=withheld
    )


def scope_for(database: Database, principal: Principal, app_id: str) -> Scope:
    """An app of the caller's space that its token is granted.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    with database.read() as connection:
        return granted_scope(connection, principal, app_id)


def granted_scope(connection: Connection, principal: Principal, app_id: str) -> Scope:
    """The same in a transaction of the caller's.

    Raises:
        NotFound: as `scope_for`.
    """
    found = _in_space(connection, principal.space, app_id)
    if found is None or not principal.may_see(app_id):
        raise NotFound("app", app_id)
    return found


def scope_in_space(database: Database, space: int, app_id: str) -> Scope | None:
    """An app of a space, whoever is granted it."""
    with database.read() as connection:
        return _in_space(connection, space, app_id)


def _in_space(connection: Connection, space: int, app_id: str) -> Scope | None:
    if not storable(app_id):
        return None
    row = connection.execute(_ONE_OF_SPACE, {"space": space, "id": app_id}).first()
    return None if row is None else _scope(row)


def scopes_in_space(connection: Connection, space: int) -> list[Scope]:
    """Every app of a space, whoever is granted it, in the order of their ids."""
    return [_scope(row) for row in connection.execute(_ALL_OF_SPACE, {"space": space})]


def scope_of_api_key(database: Database, principal: Principal, key: str) -> Scope:
    """The app of the caller's space that has an API key and that its token is granted.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    with database.read() as connection:
        mine = apps.c.space == principal.space, apps.c.api_key == key
        row = connection.execute(_APPS.where(*mine)).first() if storable(key) else None
    if row is None or not principal.may_see(row.id):
        raise NotFound("app", "")
    return _scope(row)


def principal_of_export_key(database: Database, secret: str, app_id: str, key: str) -> tuple[Principal, Scope]:
    """Whoever has the export key of an app: nobody in particular, who may export this one app.

    Raises:
        Unauthorized: no app of that id has this key.
        TooSoon: it comes more often than the limit `requests.burst` allows.
    """
    hashed = token_hash(secret, key)
    with database.read() as connection:
        found = apps.c.export_key_hash == hashed, apps.c.id == app_id
        row = connection.execute(_APPS.where(*found)).first() if storable(app_id) else None
        bounded = limit(connection, "requests.burst") > 0
    if row is None:
        raise Unauthorized
    if bounded:
        with database.count() as connection:
            take_of(connection, row.space, "requests", f"key_{row.number}", database.now(connection))
    may = frozenset(("exports.create", "exports.read"))
    return Principal(row.space, 0, 0, may, frozenset((app_id,)), "standard", EXPORT_KEY), _scope(row)


def scope_of_app(database: Database, app_id: str) -> Scope:
    """An app by its id, for the operator of the server.

    Raises:
        NotFound: no space has it.
    """
    with database.read() as connection:
        row = connection.execute(_APPS.where(apps.c.id == app_id)).first()
    if row is None:
        raise NotFound("app", app_id)
    return _scope(row)


def scope_of_number(database: Database, space: int, app: int) -> Scope:
    """An app by its number, for a worker that has one of its jobs."""
    with database.read() as connection:
        return _scope(connection.execute(_APPS.where(apps.c.space == space, apps.c.number == app)).one())


def all_scopes(database: Database) -> list[Scope]:
    """Every app, for the worker and the operator."""
    with database.read() as connection:
        return [_scope(row) for row in connection.execute(_APPS.order_by(apps.c.number))]


def alive(row: "Row[Any]", now: int, idle_ms: int | None = None) -> bool:
    """Whether a token works, by its row and the `disabled_at` of its owner."""
    if row.revoked_at is not None or row.disabled_at is not None:
        return False
    if idle_ms is not None and now >= (row.used_at or row.created_at) + idle_ms:
        return False
    return row.expires_at is None or now < row.expires_at


def _principal(row: "Row[Any]") -> Principal:
    scopes, withheld = texts(row.scopes), frozenset(texts(row.withheld))
    return Principal(
        space=row.space,
        user=row.user,
        token=row.number,
        scopes=scopes_of(row.role, scopes, withheld),
        apps=apps_of(texts(row.granted), texts(row.apps)),
        role=row.role,
        who=row.email,
        kind=row.kind,
        whole=EVERYTHING in scopes,
        withheld=withheld,
    )


def _scope(row: "Row[Any]") -> Scope:
    return Scope(row.space, row.number, row.space_id, row.id)
