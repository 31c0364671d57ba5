"""INSERT as each database spells it, with its ON CONFLICT."""

from importlib import import_module
from typing import Any

from sqlalchemy import Connection, Table


def insert_into(connection: Connection, table: Table) -> Any:
    """The INSERT of the connection's database, whose dialect is loaded only now: reading needs none of it."""
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)
