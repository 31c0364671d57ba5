"""Looking at deliveries with their log, and asking for one again."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, select

from tailrace.accounts.audit import Actor, note
from tailrace.db.engine import Database, storable
from tailrace.db.tables import apps, deliveries, spaces
from tailrace.delivery.log import Tried, attempts_of
from tailrace.delivery.records import begin, insert_delivery, standing_of, standings
from tailrace.jobs.listing import waits_until
from tailrace.model.access import Principal, Scope
from tailrace.model.delivery import DeliveryState, Standing
from tailrace.model.errors import Invalid, NotFound
from tailrace.model.ids import Ids

REPLAYABLE: frozenset[DeliveryState] = frozenset(("delivered", "failed"))


class Logged(Struct, frozen=True):
    """A delivery as it stands, its attempts, and when (ms) it is tried next, if it has to wait until then."""

    standing: Standing
    attempts: Sequence[Tried]
    next_at: int | None


def of_export(database: Database, scope: Scope, export: str) -> list[Logged]:
    """The deliveries of an export that the caller may see, in the order in which they were asked for; replays last."""
    with database.read() as connection:
        return [_logged(connection, scope, standing) for standing in standings(connection, scope, export)]


def find_delivery(database: Database, principal: Principal, delivery: str) -> Logged:
    """A delivery of an app that the caller may see.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    with database.read() as connection:
        row = _row(connection, principal, delivery)
        return _logged(connection, _scope(row), standing_of(row))


def replay(database: Database, ids: Ids, principal: Principal, delivery: str, actor: Actor) -> Logged:
    """Deliver once more, as a delivery of its own to the same target; its receiver knows it by the same message id.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
        Invalid: it has not ended, or there was nothing to deliver.
    """
    with database.write() as connection:
        row, now = _row(connection, principal, delivery), database.now(connection)
        if row.state not in REPLAYABLE:
            raise Invalid("id", f"the delivery is {row.state}; one that was delivered or has failed can be replayed")
        kept = ("export", "kind", "destination", "shown", "target", "sealed", "message")
        again = {name: getattr(row, name) for name in kept}
        fresh = {"id": ids.new("dlv", now), "replay_of": row.id, "created_at": now}
        insert_delivery(connection, _scope(row), again | fresh)
        begin(connection, _scope(row), fresh["id"])
        note(connection, actor, "delivery.replayed", row.id, now, app=row.app_id)
        return _logged(connection, _scope(row), standing_of(_row(connection, principal, fresh["id"])))


def _row(connection: Connection, principal: Principal, delivery: str) -> Row[Any]:
    named = select(deliveries, apps.c.id.label("app_id"), spaces.c.id.label("space_id"))
    query = named.join(apps, apps.c.number == deliveries.c.app).join(spaces, spaces.c.number == deliveries.c.space)
    mine = (deliveries.c.space == principal.space, deliveries.c.id == delivery)
    row = connection.execute(query.where(*mine)).first() if storable(delivery) else None
    if row is None or not principal.may_see(row.app_id):
        raise NotFound("delivery", delivery)
    return row


def _logged(connection: Connection, scope: Scope, standing: Standing) -> Logged:
    attempts = attempts_of(connection, scope, standing.id)
    return Logged(standing, attempts, waits_until(connection, "delivery", scope, standing.id))


def _scope(row: Row[Any]) -> Scope:
    return Scope(row.space, row.app, row.space_id, row.app_id)
