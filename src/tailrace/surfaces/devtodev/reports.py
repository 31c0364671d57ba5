"""Reports out: who may have one, and which of the times that a client asks for it count as a download."""

from starlette.responses import Response

from tailrace.accounts.audit import Download, actor_of
from tailrace.accounts.limits import limit
from tailrace.exports.downloads import count_download
from tailrace.exports.numbers import Owned, find_owned
from tailrace.exports.records import StoredFile
from tailrace.model.access import Principal
from tailrace.surfaces.devtodev.callers import READ, caller
from tailrace.surfaces.devtodev.errors import Refused
from tailrace.surfaces.devtodev.parse import parse_job_id, parse_token
from tailrace.surfaces.devtodev.policy import NAME
from tailrace.web.downloads import Content, download
from tailrace.web.operations import Call

MEDIA_TYPE = "application/zip"


def open_report(call: Call) -> Response:
    """The answer to a link. A GET that sends byte 0 is a download; HEAD and what goes on later are free.

    Raises:
        Refused: the link is not good, or has been used too often.
        RangeNotSatisfiable: the range begins behind the end.
    """
    desk, query = call.desk, call.request.query_params
    principal = caller(call, parse_token({}, query), READ)
    job_id = parse_job_id({}, query)
    found, file = _may_have(principal, find_owned(desk.database, principal.space, NAME, job_id), job_id)
    content = Content(file.object, f"{job_id}.zip", MEDIA_TYPE, file.bytes, file.sha256, file.key_ref)
    sent = download(call.request, desk.files, content, desk.settings.downloads.accel_prefix)
    if sent.begins and not _counted(call, principal, found, file):
        raise Refused(21)
    return sent


def _may_have(principal: Principal, found: Owned | None, job_id: str) -> tuple[Owned, StoredFile]:
    if found is None:
        raise Refused(21)
    if found.user != principal.user or not principal.may_see(found.export.scope.app_id):
        raise Refused(14, job_id)
    if found.file is None or found.over:
        raise Refused(21)
    return found, found.file


def _counted(call: Call, principal: Principal, found: Owned, file: StoredFile) -> bool:
    """Whether this download is within those that a report has; it is counted and told to the audit."""
    database, scope = call.desk.database, found.export.scope
    with database.read() as connection:
        most = limit(connection, "devtodev.max_downloads")
    begun = Download(actor_of(principal), found.export.id, scope.app_id, file.name)
    return count_download(database, begun, scope, most)
