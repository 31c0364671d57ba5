"""Downloads that begin are noted in the audit, whichever dialect they come by."""

from tailrace.accounts.audit import Actor, Download, actor_of
from tailrace.model.access import Scope
from tailrace.web.auth import address
from tailrace.web.operations import Call


def begun(call: Call, scope: Scope, export_id: str, file: str) -> Download:
    """What the audit is told once for each GET that is about to send byte 0. Whoever came with a link has no name."""
    nameless = Actor(scope.space, "a link", address(call.request))
    return Download(nameless if call.known is None else actor_of(call.known), export_id, scope.app_id, file)
