"""Files of exports out."""

from collections.abc import Sequence
from functools import partial

from starlette.responses import Response

from tailrace.accounts.audit import Download
from tailrace.exports.downloads import Opening, Sought, Wanted, check_kept
from tailrace.exports.records import StoredFile
from tailrace.model.access import Principal
from tailrace.model.errors import NotFound, Unauthorized
from tailrace.surfaces.native.links import PATH, LinkQuery, opened
from tailrace.web.downloads import Content, download
from tailrace.web.noting import begun
from tailrace.web.operations import Call, Operation, Reply


async def get_file(call: Call) -> Response:
    """A file of an export, byte for byte as the manifest describes it: all of it, or one range of its bytes.

    Either a token is sent, or `expires` and `signature` as a manifest has them in the file's `url`.
    """
    space = None if call.known is None else call.known.space
    wanted = Wanted(call.path("id"), call.path("name"), space)
    return await call.desk.opener.answer(call.request, Opening(wanted, partial(_judge, call)))


def _judge(call: Call, sought: Sought | None) -> tuple[Response, Download | None]:
    """The answer to what was found, and the download that begins with it: once for each GET that sends byte 0."""
    found, file = _may_have(call, sought)
    content = Content(file.object, file.name, file.media_type, file.bytes, file.sha256, file.key_ref)
    sent = download(call.request, call.desk.files, content, call.desk.settings.downloads.accel_prefix)
    return sent, begun(call, found.scope, found.export, file.name) if sent.begins else None


def _may_have(call: Call, sought: Sought | None) -> tuple[Sought, StoredFile]:
    """The export and the file that a call names, if it may have it."""
    if call.known is not None:
        return _seen(call.known, sought, call.path("id"), call.path("name"))
    if sought is None:
        raise Unauthorized
    return sought, opened(call.desk.identity.secret, sought, call.path("name"), call.query)


def _seen(principal: Principal, sought: Sought | None, export_id: str, name: str) -> tuple[Sought, StoredFile]:
    if sought is None or not principal.may_see(sought.scope.app_id):
        raise NotFound("export", export_id)
    check_kept(sought)
    if sought.file is None:
        raise NotFound("file", name)
    return sought, sought.file


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
