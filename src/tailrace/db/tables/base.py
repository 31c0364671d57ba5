"""What all tables share. `META` is the truth about data and jobs; `INBOX` is what was accepted and not yet sealed.

On SQLite the two are files of their own, so that acknowledging never waits for a seal; on PostgreSQL one database.
Numbers are for joins, ids are what people see. Every table of tenants' data carries its app (and so its space).
"""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, MetaData, and_

from tailrace.model.access import Scope

# SQLite numbers rows by itself only in a column of exactly this type.
Number = BigInteger().with_variant(Integer(), "sqlite")

META = MetaData()
INBOX = MetaData()


def owned(table: FromClause, scope: Scope) -> ColumnElement[bool]:
    """The rows of one app of one space: the condition that every query on tenants' data begins with."""
    return and_(table.c.space == scope.space, table.c.app == scope.app)


def owner(scope: Scope) -> dict[str, Any]:
    """The columns that make a new row belong to an app."""
    return {"space": scope.space, "app": scope.app}
