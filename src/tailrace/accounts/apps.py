"""Apps of a space and their keys."""

from collections.abc import Callable
from typing import Any, Literal, get_args

from msgspec import Struct
from sqlalchemy import Connection, Row, select, update

from tailrace.accounts.audit import Actor, note
from tailrace.accounts.chosen import check_id
from tailrace.accounts.keys import new_api_key, new_export_key, new_write_key, token_hash
from tailrace.db.engine import Database, storable
from tailrace.db.tables import apps, spaces
from tailrace.db.upserts import insert_into
from tailrace.model.access import EVERYTHING, Principal, Scope
from tailrace.model.errors import AboveYou, NotFound, Taken

Key = Literal["write_key", "export_key", "api_key"]
KEYS: tuple[Key, ...] = get_args(Key)
KEYS_SCOPE = "keys.write"  # whoever may make keys may see them


class App(Struct, frozen=True):
    """An app as the row tells it. Keys are None for whoever may not see them; the export key cannot be shown again."""

    number: int
    id: str
    name: str
    write_key: str | None
    api_key: str | None
    export_key: bool


class AppMaker(Struct, frozen=True):
    """What a new app needs beyond its row: `inside` the transaction that makes it, and `after` it."""

    inside: Callable[[Connection, Scope], None]
    after: Callable[[], None]


def list_apps(database: Database, principal: Principal, *, before: int | None, most: int) -> list[App]:
    """Apps that the caller may see, newest first."""
    query = select(apps).where(apps.c.space == principal.space)
    if EVERYTHING not in principal.apps:
        query = query.where(apps.c.id.in_(principal.apps))
    if before is not None:
        query = query.where(apps.c.number < before)
    with database.read() as connection:
        rows = connection.execute(query.order_by(apps.c.number.desc()).limit(most))
        return [_app(row, principal) for row in rows]


def find_app(database: Database, principal: Principal, app_id: str) -> App:
    """An app that the caller may see.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    with database.read() as connection:
        return _app(_row(connection, principal, app_id), principal)


def make_app(database: Database, maker: AppMaker, principal: Principal, app_id: str, name: str, actor: Actor) -> App:
    """Make an app with a write key and an API key, ready to take events.

    Raises:
        Invalid: it is no id.
        AboveYou: the caller is granted some apps only, and so would not be granted this one.
        Taken: an app has this id.
    """
    if EVERYTHING not in principal.apps:
        raise AboveYou("all apps of the space")
    check_id("id", app_id)
    with database.write() as connection:
        now = database.now(connection)
        row = {"space": principal.space, "id": app_id, "name": name or app_id}
        keys = {"write_key": new_write_key(), "api_key": new_api_key()}
        new = insert_into(connection, apps).values(row | keys).on_conflict_do_nothing().returning(apps.c.number)
        number: int | None = connection.scalar(new)
        if number is None:
            raise Taken("id")
        space = connection.scalar(select(spaces.c.id).where(spaces.c.number == principal.space))
        maker.inside(connection, Scope(principal.space, number, str(space), app_id))
        note(connection, actor, "app.made", app_id, now, app=app_id)
        made = _app(_row(connection, principal, app_id), principal)
    maker.after()
    return made


def rename_app(database: Database, principal: Principal, app_id: str, name: str, actor: Actor) -> App:
    """Give an app another name; its id stays.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    with database.write() as connection:
        row = _row(connection, principal, app_id)
        connection.execute(update(apps).where(apps.c.number == row.number).values(name=name))
        note(connection, actor, "app.changed", app_id, database.now(connection), {"name": name}, app=app_id)
        return _app(_row(connection, principal, app_id), principal)


def rotate_key(database: Database, secret: str, principal: Principal, app_id: str, key: Key, actor: Actor) -> str:
    """Make a new key of an app; the one before is void at once.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    text = {"write_key": new_write_key, "export_key": new_export_key, "api_key": new_api_key}[key]()
    values = {"export_key_hash": token_hash(secret, text)} if key == "export_key" else {key: text}
    with database.write() as connection:
        row = _row(connection, principal, app_id)
        connection.execute(update(apps).where(apps.c.number == row.number).values(values))
        note(connection, actor, "app.keys_rotated", app_id, database.now(connection), {"key": key}, app=app_id)
    return text


def _row(connection: Connection, principal: Principal, app_id: str) -> "Row[Any]":
    query = select(apps).where(apps.c.space == principal.space, apps.c.id == app_id)
    row = connection.execute(query).first() if storable(app_id) and principal.may_see(app_id) else None
    if row is None:
        raise NotFound("app", app_id)
    return row


def _app(row: "Row[Any]", principal: Principal) -> App:
    shown = principal.may(KEYS_SCOPE)
    return App(
        number=row.number,
        id=row.id,
        name=row.name,
        write_key=row.write_key if shown else None,
        api_key=row.api_key if shown else None,
        export_key=row.export_key_hash is not None,
    )
