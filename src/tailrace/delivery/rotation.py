"""Rotation: everything that is sealed, sealed anew with the newest key."""

from sqlalchemy import Connection, Table, select, update

from tailrace.db.engine import Database
from tailrace.db.tables import deliveries, destinations
from tailrace.delivery.vault import Vault

_PAGE = 100  # rows in one transaction


def seal_anew(database: Database, vault: Vault) -> int:
    """Seal all secrets of all spaces with the newest key; how many rows that were.

    Raises:
        Unavailable: no key opens one of them. What was done until then stays done.
    """
    return sum(_table(database, vault, table) for table in (deliveries, destinations))


def _table(database: Database, vault: Vault, table: Table) -> int:
    done = last = 0
    while True:
        with database.write() as connection:
            numbers = _page(connection, vault, table, last)
        if not numbers:
            return done
        done, last = done + len(numbers), numbers[-1]


def _page(connection: Connection, vault: Vault, table: Table, after: int) -> list[int]:
    rows = connection.execute(
        select(table.c.number, table.c.sealed)
        .where(table.c.sealed.is_not(None), table.c.number > after)
        .order_by(table.c.number)
        .limit(_PAGE)
        .with_for_update()
    ).all()
    for row in rows:
        fresh = vault.sealed_anew(bytes(row.sealed))
        connection.execute(update(table).where(table.c.number == row.number).values(sealed=fresh))
    return [row.number for row in rows]
