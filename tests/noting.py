"""Notes in the audit, for tests that read it."""

from collections.abc import Mapping
from types import MappingProxyType

from tailrace.accounts.audit import Actor, note
from tailrace.db.engine import Database


def tell(
    database: Database,
    actor: Actor,
    action: str,
    subject: str,
    detail: Mapping[str, object] = MappingProxyType({}),
    app: str | None = None,
) -> None:
    """Note something in a transaction of its own."""
    with database.write() as connection:
        note(connection, actor, action, subject, database.now(connection), detail, app=app)
