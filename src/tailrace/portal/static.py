"""Files that pages load: style, scripts and the icon, with the licences of those that others wrote."""

from collections.abc import Mapping, Sequence

import msgspec
from starlette.responses import Response

from tailrace.model.errors import NotFound
from tailrace.portal.pages import STATIC, content_of, version_of
from tailrace.web.operations import Call, Operation, Reply

NAMES = (
    *("portal.css", "portal.js", "icon.svg"),
    *("vendor/htmx.min.js", "vendor/uplot.min.js", "vendor/uplot.min.css"),
    *("vendor/htmx.LICENSE.txt", "vendor/uplot.LICENSE.txt"),
)
_TYPES: Mapping[str, str] = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}


class StaticQuery(msgspec.Struct):
    """What tells one content of a file from another."""

    v: str = ""


async def get_static(call: Call) -> Response:
    """A file. One that is asked for as it is now may be kept for ever."""
    name = call.path("name")
    if name not in NAMES:
        raise NotFound("file", name)
    kept = "public, max-age=31536000, immutable" if call.query.v == version_of(name) else "no-cache"
    headers = {"cache-control": kept, "x-content-type-options": "nosniff"}
    return Response(content_of(name), 200, headers, _TYPES[name.rpartition(".")[2]])


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        f"{STATIC}/{{name:path}}",
        get_static,
        {200: Reply("The file.", media_type="text/css")},
        security="none",
        query=StaticQuery,
        errors=(404,),
    ),
)
