"""Deliveries as rows: kept with their export, let go when it ends, and what came of them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, insert, select, update

from tailrace.db.engine import now_of
from tailrace.db.tables import deliveries, exports, owned, owner
from tailrace.delivery.checks import Reception, check_count, check_delivery
from tailrace.delivery.destinations import named
from tailrace.delivery.targets import apart, asked_of, joined, shown_of, target_of
from tailrace.jobs.queue import enqueue
from tailrace.model.access import Scope
from tailrace.model.delivery import Copied, Delivery, DeliveryState, Standing, Webhook
from tailrace.model.export import ExportState
from tailrace.model.ids import Ids

ENDED: frozenset[DeliveryState] = frozenset(("delivered", "failed", "void"))
_COPIED = msgspec.json.Decoder(tuple[Copied, ...])


def keep_deliveries(
    connection: Connection,
    reception: Reception,
    ids: Ids,
    scope: Scope,
    export: str,
    asked: Sequence[Delivery],
    now: int,
) -> None:
    """Keep what is to be done with a new export, in the transaction that makes it.

    Raises:
        Invalid: one of them cannot be, or names a destination that the space does not have.
        Unavailable: there is no key to seal secrets with.
    """
    check_count(asked)
    for place, delivery in enumerate(asked):
        where = f"deliveries[{place}]"
        check_delivery(connection, reception, scope.space, delivery, where)
        shown = _shown(connection, scope, delivery, f"{where}.destination")
        for one in apart(delivery):
            target = target_of(reception.vault, scope.space, one, shown).columns()
            row = {"id": ids.new("dlv", now), "export": export, "destination": one.destination, "created_at": now}
            insert_delivery(connection, scope, row | target)


def _shown(connection: Connection, scope: Scope, asked: Delivery, where: str) -> str:
    """What people see of a target that a stored destination brings; "" if none does."""
    if not asked.destination:
        return ""
    row = named(connection, scope.space, asked, where)
    return shown_of(joined(asked_of(row), asked)) if asked.kind == "s3" else str(row.shown)


def insert_delivery(connection: Connection, scope: Scope, columns: dict[str, Any]) -> None:
    """Add a row that waits for its export, unless the columns say otherwise."""
    row = owner(scope) | {"state": "waiting", "message": columns["id"]} | columns
    connection.execute(insert(deliveries).values(row))


def let_go(connection: Connection, scope: Scope, export: str, ended: ExportState) -> None:
    """Make jobs of what waited for the end of an export, in the transaction that ends it.

    A copy needs files; whoever cancels an export needs no news of it.
    """
    waiting = select(deliveries).where(owned(deliveries, scope), deliveries.c.export == export)
    rows = list(connection.execute(waiting.where(deliveries.c.state == "waiting").order_by(deliveries.c.number)))
    if not rows:
        return
    for row in rows:
        if ended == "cancelled" or (ended != "succeeded" and row.kind == "s3"):
            change_delivery(connection, scope, row.id, state="void", error=f"the export {_HOW[ended]}")
    if ended != "cancelled":
        begin_due(connection, scope, export)


_HOW = {"failed": "failed", "cancelled": "was cancelled"}


def begin_due(connection: Connection, scope: Scope, export: str) -> None:
    """Make jobs of the waiting deliveries of an ended export that have nothing to wait for any more."""
    mine = (owned(deliveries, scope), deliveries.c.export == export)
    rows = list(connection.execute(select(deliveries).where(*mine).order_by(deliveries.c.number)))
    copying = any(row.kind == "s3" and row.state not in ENDED for row in rows)
    for row in rows:
        if row.state == "waiting" and not (copying and _after_copies(asked_of(row))):
            begin(connection, scope, row.id)


def begin(connection: Connection, scope: Scope, delivery: str) -> None:
    """Make the job of a delivery."""
    now = now_of(connection)
    change_delivery(connection, scope, delivery, state="pending", began_at=now)
    enqueue(connection, "delivery", scope, delivery, now)


def change_delivery(connection: Connection, scope: Scope, delivery: str, **values: Any) -> None:
    """Change columns of a delivery."""
    connection.execute(update(deliveries).where(owned(deliveries, scope), deliveries.c.id == delivery).values(**values))


def forget_credentials(connection: Connection, scope: Scope, of_exports: Sequence[str]) -> None:
    """Drop the credentials of copies that have ended and cannot be made again, since the files have had their time."""
    over = and_(deliveries.c.kind == "s3", deliveries.c.state.in_(ENDED), deliveries.c.export.in_(of_exports))
    connection.execute(update(deliveries).where(owned(deliveries, scope), over).values(sealed=None))


def standings(connection: Connection, scope: Scope, export: str) -> list[Standing]:
    """How the deliveries of an export stand, in the order in which they were asked for; replays last."""
    query = select(deliveries).where(owned(deliveries, scope), deliveries.c.export == export)
    return [standing_of(row) for row in connection.execute(query.order_by(deliveries.c.number))]


def standing_of(row: Row[Any]) -> Standing:
    """How the delivery of a row stands."""
    return Standing(
        id=row.id,
        export=row.export,
        kind=row.kind,
        state=row.state,
        destination=row.destination,
        where=row.shown,
        created_at=row.created_at,
        finished_at=row.finished_at,
        error=row.error,
        copied=_COPIED.decode(row.copied) if row.copied else (),
        replay_of=row.replay_of,
    )


def hold_export(connection: Connection, scope: Scope, export: str) -> None:
    """Have the deliveries of an export to oneself to the end of the transaction."""
    mine = (owned(exports, scope), exports.c.id == export)
    connection.execute(select(exports.c.id).where(*mine).with_for_update(key_share=True))


def with_exports() -> Select[Any]:
    """The query of deliveries with what of their exports matters to them."""
    return select(deliveries, exports.c.state.label("ended"), exports.c.expires_at).join(
        exports, exports.c.id == deliveries.c.export
    )


def _after_copies(asked: Delivery) -> bool:
    return isinstance(asked, Webhook) and asked.after_copies
