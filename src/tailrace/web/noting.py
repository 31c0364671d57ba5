"""Downloads that begin are noted in the audit, whichever dialect they come by."""

from tailrace.accounts.audit import Actor, Download, actor_of
from tailrace.exports.records import Export, StoredFile
from tailrace.web.auth import address
from tailrace.web.operations import Call


async def begun(call: Call, export: Export, file: StoredFile) -> None:
    """A download begins: once for each GET that is about to send byte 0. Whoever came with a link has no name."""
    nameless = Actor(export.scope.space, "a link", address(call.request))
    actor = nameless if call.known is None else actor_of(call.known)
    await call.desk.downloads.answer(Download(actor, export.id, export.scope.app_id, file.name))
