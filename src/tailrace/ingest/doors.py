"""Doors: what accepting must know of an app, looked up together."""

from tailrace.accounts.limits import limit
from tailrace.db.engine import Database
from tailrace.ingest.accept import Door
from tailrace.model.access import Scope
from tailrace.store.shards import shards_of


def door_of(database: Database, scope: Scope) -> Door:
    """The door of an app, with the policy that holds now."""
    with database.read() as connection:
        return Door(
            scope,
            shards_of(connection, scope),
            max_text_bytes=limit(connection, "ingest.max_text_bytes"),
            max_record_bytes=limit(connection, "ingest.max_record_bytes"),
            max_body_bytes=limit(connection, "ingest.max_body_bytes"),
            max_records=limit(connection, "ingest.max_records"),
        )
