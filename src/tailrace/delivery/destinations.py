"""Destinations: targets that a space keeps under a name, so that requests need not bring their secrets."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, delete, select

from tailrace.accounts.audit import Actor, note
from tailrace.accounts.chosen import check_id
from tailrace.db.engine import Database, storable
from tailrace.db.tables import destinations
from tailrace.db.upserts import insert_into
from tailrace.delivery.checks import Reception, check_delivery
from tailrace.delivery.targets import target_of
from tailrace.model.access import EVERYTHING, Principal
from tailrace.model.delivery import Delivery, DeliveryKind
from tailrace.model.errors import AboveYou, Invalid, NotFound, Taken

WRITE = "apps.write"


class Destination(Struct, frozen=True):
    """One as people see it; `shown` is bucket and prefix, or host. `created_at` in ms."""

    number: int
    name: str
    kind: DeliveryKind
    shown: str
    created_at: int


def named(connection: Connection, space: int, asked: Delivery, where: str) -> Row[Any]:
    """The row of the destination that a delivery names; `where` is the key that holds the name.

    Raises:
        Invalid: the space has none of that name, or it is of another kind.
    """
    row = find_row(connection, space, asked.destination)
    if row is None:
        raise Invalid(where, f"there is no destination named '{asked.destination}'")
    if row.kind != asked.kind:
        raise Invalid(where, f"the destination '{asked.destination}' is of the kind '{row.kind}'")
    return row


def find_row(connection: Connection, space: int, name: str) -> Row[Any] | None:
    """The row of a name; None if there is none."""
    if not storable(name):
        return None
    mine = (destinations.c.space == space, destinations.c.name == name)
    return connection.execute(select(destinations).where(*mine)).first()


def make_destination(
    database: Database, reception: Reception, principal: Principal, name: str, wanted: Delivery, actor: Actor
) -> Destination:
    """Keep a target under a name.

    Raises:
        Invalid: the name is none, or the target cannot be.
        AboveYou: the caller is granted some apps only, and all of the space could use it.
        Taken: there is one of that name.
        Unavailable: there is no key to seal secrets with.
    """
    _check_all_apps(principal)
    check_id("name", name)
    if wanted.destination:
        raise Invalid("target.destination", "a destination has a target of its own")
    with database.write() as connection:
        check_delivery(connection, reception, principal.space, wanted, "target")
        kept = target_of(reception.vault, principal.space, wanted).columns()
        now = database.now(connection)
        row = kept | {"space": principal.space, "name": name, "created_at": now}
        new = insert_into(connection, destinations).values(row).on_conflict_do_nothing().returning(destinations)
        made = connection.execute(new).first()
        if made is None:
            raise Taken("name")
        note(connection, actor, "destination.made", name, now, {"kind": wanted.kind})
        return _destination(made)


def list_destinations(database: Database, principal: Principal, *, before: int | None, most: int) -> list[Destination]:
    """Destinations of the caller's space, newest first."""
    query = select(destinations).where(destinations.c.space == principal.space)
    if before is not None:
        query = query.where(destinations.c.number < before)
    with database.read() as connection:
        return [
            _destination(row) for row in connection.execute(query.order_by(destinations.c.number.desc()).limit(most))
        ]


def delete_destination(database: Database, principal: Principal, name: str, actor: Actor) -> Destination:
    """Forget a destination and its secrets. Deliveries to it that have not ended will fail.

    Raises:
        AboveYou: the caller is granted some apps only.
        NotFound: there is none of that name.
    """
    _check_all_apps(principal)
    with database.write() as connection:
        row = find_row(connection, principal.space, name)
        if row is None:
            raise NotFound("destination", name)
        connection.execute(delete(destinations).where(destinations.c.number == row.number))
        note(connection, actor, "destination.deleted", name, database.now(connection), {"kind": row.kind})
    return _destination(row)


def _check_all_apps(principal: Principal) -> None:
    if EVERYTHING not in principal.apps:
        raise AboveYou("all apps of the space")


def _destination(row: Row[Any]) -> Destination:
    return Destination(row.number, row.name, row.kind, row.shown, row.created_at)
