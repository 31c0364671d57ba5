"""Files of exports out."""

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.exports.records import check_succeeded, find_export, find_file
from tailrace.web.downloads import download
from tailrace.web.operations import Call, Operation, Reply


async def get_file(call: Call) -> Response:
    """A file of an export, byte for byte as the manifest describes it."""
    desk = call.desk
    export = await run_in_threadpool(find_export, desk.database, call.principal, call.path("id"))
    check_succeeded(export)
    file = await run_in_threadpool(find_file, desk.database, export, call.path("name"))
    return download(
        desk.files,
        file.object,
        key_ref=file.key_ref,
        size=file.bytes,
        name=file.name,
        media_type=file.media_type,
        sha256=file.sha256,
        head=call.request.method == "HEAD",
    )


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/v1/exports/{id}/files/{name}",
        get_file,
        {200: Reply("The bytes of the file.", media_type="application/octet-stream")},
        scope="exports.read",
        errors=(404, 409, 410),
        tag="exports",
    ),
)
