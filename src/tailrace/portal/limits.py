"""Admin > Limits: those in force, and what is used of them today."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from tailrace.accounts.limits import limits_now
from tailrace.accounts.quotas import spent_today
from tailrace.exports.usage import usage
from tailrace.model.policy import LIMITS
from tailrace.portal.pages import PAGE, show
from tailrace.web.operations import Call, Operation


def get_limits(call: Call) -> Response:
    """The limits."""
    return show(call, "limits.html", "limits", **_values(call))


def _values(call: Call) -> Mapping[str, Any]:
    database = call.desk.database
    with database.read() as connection:
        values = limits_now(connection)
        spent = spent_today(connection, call.principal.space, database.now(connection))
    used = usage(database, call.principal)
    counted = {**spent, "exports.per_day": used.today, "exports.max_running": used.unfinished}
    return {"limits": sorted(LIMITS.values(), key=lambda limit: limit.name), "values": values, "counted": counted}


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/portal/admin/limits", get_limits, {200: PAGE}, scope="metrics.read"),
)
