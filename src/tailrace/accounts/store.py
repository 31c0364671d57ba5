"""What this store is: made once by `init`, the same for every process that opens it."""

import secrets
from dataclasses import dataclass, field

from sqlalchemy import insert, select

from tailrace.db.engine import Database
from tailrace.db.tables import store


@dataclass(frozen=True, slots=True)
class Identity:
    """`epoch` names this run of history (a restore begins a new one); `secret` signs what must not be forged."""

    epoch: str
    secret: str = field(repr=False)  # a traceback that shows values must not show this one


def create_identity(database: Database) -> bool:
    """Make the store's identity; False if it has one."""
    with database.write() as connection:
        if connection.scalar(select(store.c.value).where(store.c.key == "epoch")) is not None:
            return False
        rows = [
            {"key": "epoch", "value": secrets.token_hex(8)},
            {"key": "secret", "value": secrets.token_hex(32)},
        ]
        connection.execute(insert(store), rows)
    return True


def identity(database: Database) -> Identity | None:
    """The store's identity; None before `init`."""
    with database.read() as connection:
        values = {row.key: row.value for row in connection.execute(select(store))}
    return Identity(values["epoch"], values["secret"]) if "epoch" in values else None
