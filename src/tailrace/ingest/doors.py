"""Doors: what accepting must know of an app, looked up together."""

from tailrace.accounts.limits import limits_now
from tailrace.db.engine import Database
from tailrace.ingest.accept import Door
from tailrace.ingest.clocks import ClockRules
from tailrace.ingest.discretion import DISCRETION, Discretion
from tailrace.model.access import Scope
from tailrace.store.shards import shards_of


def door_of(database: Database, scope: Scope, discretion: Discretion = DISCRETION) -> Door:
    """The door of an app, with the policy that holds now."""
    with database.read() as connection:
        limits = limits_now(connection)
        shards = shards_of(connection, scope)
    return Door(
        scope,
        shards,
        max_text_bytes=limits["ingest.max_text_bytes"],
        max_record_bytes=limits["ingest.max_record_bytes"],
        max_body_bytes=limits["ingest.max_body_bytes"],
        max_records=limits["ingest.max_records"],
        max_params=limits["ingest.max_params"],
        clocks=ClockRules(
            step=limits["ingest.clock_step_ms"],
            most=limits["ingest.max_correction_ms"],
            age=limits["ingest.max_age_ms"],
            ahead=limits["ingest.max_ahead_ms"],
        ),
        discretion=discretion,
    )
