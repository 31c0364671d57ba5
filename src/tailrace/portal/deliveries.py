"""Deliveries of a request, as its page shows them: how they stand, their log, and once more."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from tailrace.db.engine import Database
from tailrace.delivery.records import ENDED
from tailrace.delivery.replay import REPLAYABLE, Logged, of_export, replay
from tailrace.exports.records import Export
from tailrace.portal.downloads import ALL
from tailrace.portal.pages import seen, sends
from tailrace.web.auditing import actor
from tailrace.web.operations import Call, Operation


def told_deliveries(database: Database, export: Export) -> Mapping[str, Any]:
    """What the page of a request shows of its deliveries: each with its log, those that can be replayed, and whether
    one is still under way.
    """
    found = of_export(database, export.scope, export.id)
    return {
        "deliveries": found,
        "delivering": any(one.standing.state not in ENDED for one in found),
        "replayable": {one.standing.id for one in found if _replayable(export, one)},
    }


def send_delivery_replay(call: Call) -> Response:
    """Deliver once more; the page of the request shows the new delivery."""
    desk = call.desk
    made = replay(desk.database, desk.submitter.ids, call.principal, call.path("id"), actor(call))
    desk.bell.ring()
    return seen(f"{ALL}/{made.standing.export}#{made.standing.id}")


def _replayable(export: Export, logged: Logged) -> bool:
    """Whether asking again can help: files that have had their time cannot be copied."""
    gone = logged.standing.kind == "s3" and export.state == "expired"
    return logged.standing.state in REPLAYABLE and not gone


OPERATIONS: Sequence[Operation] = (
    sends("/portal/deliveries/{id}:replay", send_delivery_replay, scope="exports.create", errors=(404,)),
)
