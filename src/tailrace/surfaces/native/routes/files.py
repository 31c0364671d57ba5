"""Files of exports out."""

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.db.engine import Database
from tailrace.exports.records import Export, StoredFile, check_succeeded, find_export, find_file
from tailrace.model.access import Principal
from tailrace.surfaces.native.links import PATH, LinkQuery, opened
from tailrace.web.downloads import Content, download
from tailrace.web.noting import begun
from tailrace.web.operations import Call, Operation, Reply


async def get_file(call: Call) -> Response:
    """A file of an export, byte for byte as the manifest describes it: all of it, or one range of its bytes.

    Either a token is sent, or `expires` and `signature` as a manifest has them in the file's `url`.
    """
    export, file = await _wanted(call)
    content = Content(file.object, file.name, file.media_type, file.bytes, file.sha256, file.key_ref)
    sent = download(call.request, call.desk.files, content, call.desk.settings.downloads.accel_prefix)
    if sent.begins:
        await begun(call, export, file)
    return sent


async def _wanted(call: Call) -> tuple[Export, StoredFile]:
    """The file that a call names, if it may have it."""
    desk, name = call.desk, call.path("name")
    if call.known is not None:
        return await run_in_threadpool(_find, desk.database, call.known, call.path("id"), name)
    sought = await desk.sought.answer((call.path("id"), name))
    return opened(desk.identity.secret, sought, name, call.query)


def _find(database: Database, principal: Principal, export_id: str, name: str) -> tuple[Export, StoredFile]:
    export = find_export(database, principal, export_id)
    check_succeeded(export)
    return export, find_file(database, export, name)


_BYTES = "application/octet-stream"
_ABOUT = {
    "accept-ranges": "Always `bytes`.",
    "content-disposition": "The file's name.",
    "etag": "Its SHA-256 in hex: the same bytes have the same tag.",
    "repr-digest": "The same in Base64 (RFC 9530), of the whole file.",
}

OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        PATH,
        get_file,
        {
            200: Reply("The bytes of the file.", media_type=_BYTES, headers=_ABOUT),
            206: Reply(
                "The bytes of a range.", media_type=_BYTES, headers=_ABOUT | {"content-range": "Which they are."}
            ),
            304: Reply("`If-None-Match` names the file as it is.", media_type=_BYTES),
        },
        scope="exports.read",
        security="link",
        query=LinkQuery,
        errors=(404, 409, 410, 416),
        tag="exports",
    ),
)
