"""From bundles to what clients read."""

from collections.abc import Sequence

import msgspec
from starlette.responses import Response

from tailrace.exports.bundles import Bundle, Listed
from tailrace.model.clock import SECOND
from tailrace.surfaces.fullstory.parse import Form
from tailrace.web.downloads import Content

FILE = "DataExport.json.gz"
JSON, GZIP = "application/json", "application/gzip"
VARY = {"vary": "Accept-Encoding, Accept"}
_SAVED = {"content-disposition": f'attachment; filename="{FILE}"'}


def listed(bundles: Sequence[Listed]) -> Response:
    """A list of bundles. The document spells `ID`, its server spelled `Id`: there are clients of either."""
    rows = [{"Start": b.start // SECOND, "Stop": b.stop // SECOND, "ID": b.number, "Id": b.number} for b in bundles]
    return Response(msgspec.json.encode({"exports": rows}), 200, {"cache-control": "no-store"}, JSON)


def content_of(bundle: Bundle, form: Form) -> Content:
    """How a bundle is sent. Each form has a tag of its own, since what it names differs."""
    key, key_ref = ("", "clear") if bundle.file is None else (bundle.file.object, bundle.file.key_ref)
    tag = {"etag": f'"{bundle.sha256}"' if form == "file" else f'"{bundle.sha256}-{form}"'}
    more = {"file": _SAVED, "transport": _SAVED | {"content-encoding": "gzip"}, "plain": {}}[form]
    media_type = GZIP if form == "file" else JSON
    return Content(key, FILE, media_type, bundle.bytes, bundle.sha256, key_ref, VARY | tag | more)
