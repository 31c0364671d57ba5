"""Admin > Audit: who did what, when and from where."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.responses import Response

from tailrace.accounts.audit import ACTIONS, page, seen_by
from tailrace.portal.pages import PAGE, show
from tailrace.web.operations import Call, Operation
from tailrace.web.paging import PageQuery, before, cut

_MOST = 50


class AuditQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which entries: of an action, older than those of the page before."""

    action: str = ""
    after: str | None = None


def get_audit_page(call: Call) -> Response:
    """The entries, newest first."""
    return show(call, "audit.html", "audit", **_values(call))


def _values(call: Call) -> Mapping[str, Any]:
    query = PageQuery(_MOST, call.query.after)
    wanted = replace(seen_by(call.principal), action=call.query.action or None, before=before("audit", query))
    entries, more = cut("audit", page(call.desk.database, wanted, _MOST + 1), query)
    return {"entries": entries, "more": more, "action": call.query.action, "actions": ACTIONS}


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/portal/admin/audit", get_audit_page, {200: PAGE}, scope="audit.read", query=AuditQuery),
)
