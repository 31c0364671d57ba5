"""Admin > Health: the ledger of each app, the queue, the storage."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from tailrace import __version__
from tailrace.accounts.lookup import scope_for
from tailrace.portal.home import held_apps
from tailrace.portal.pages import PAGE, show
from tailrace.reports.counts import count_store
from tailrace.reports.storage import storage
from tailrace.store.ledger import ledger
from tailrace.web.operations import Call, Operation
from tailrace.web.probes import database_answers, files_answer


def get_health(call: Call) -> Response:
    """How the server does."""
    return show(call, "health.html", "health", **_values(call))


def _values(call: Call) -> Mapping[str, Any]:
    desk, principal = call.desk, call.principal
    counts = count_store(desk.database)
    held = held_apps(desk, principal)
    scopes = [scope_for(desk.database, principal, one.app.id) for one in held]
    return {
        "held": held,
        "ledgers": {scope.app_id: ledger(desk.database, scope) for scope in scopes},
        "storage": storage(desk.database, principal),
        "jobs": sorted(counts.jobs.items()),
        "waits": counts.waits_ms,
        "works": {"Database": _works(database_answers, desk.database), "Files": _works(files_answer, desk.files)},
        "writer": desk.writer.alive,
        "release": __version__,
    }


def _works(check: Any, of: Any) -> bool:
    try:
        return check(of) is not False
    except Exception:
        return False


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/portal/admin/health", get_health, {200: PAGE}, scope="metrics.read"),
)
