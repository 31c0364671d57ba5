"""`s3URI`: a link to the file of a request, good for minutes, and what it opens when it comes back."""

from typing import Annotated
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from tailrace.exports.numbers import Numbered
from tailrace.exports.records import Export, StoredFile
from tailrace.files.base import Shown
from tailrace.files.links import Linked, is_signed, sign
from tailrace.model.errors import LinkExpired, NotFound, Unauthorized
from tailrace.model.export import Format

PATH = "/pulse/v1/rawData/{id}/{name}"
MEDIA_TYPE = "application/gzip"


class LinkQuery(msgspec.Struct, rename="pascal"):
    """What makes a path a link: until when it is good, in seconds since 1970, and the signature of all of it."""

    expires: Annotated[int, msgspec.Meta(ge=0, le=1 << 40)] | None = None
    signature: str | None = None


class Linking(Struct, frozen=True):
    """What links of one answer are made of: the store's secret, the server's URL, until when (ms) they are good."""

    secret: str
    base: str
    until: int


def file_name(number: str, format_: Format) -> str:
    """The name that a client sees."""
    return f"{number}.{format_}.gz"


def shown(number: str, format_: Format) -> Shown:
    """How the file looks from outside: packed data and not text that was packed on the way."""
    return Shown(file_name(number, format_), MEDIA_TYPE)


def link(linking: Linking, export: Export, number: str) -> str:
    """The link of the file of an export. It ends with the file at the latest."""
    name = file_name(number, export.request.format)
    expires = min(linking.until, export.expires_at or linking.until) // 1000
    signature = sign(linking.secret, Linked(export.scope.space, export.id, name), expires)
    path = PATH.format(id=number, name=name)
    return f"{linking.base}{path}?{urlencode({'Expires': expires, 'Signature': signature})}"


def opened(secret: str, sought: Numbered | None, name: str, query: LinkQuery) -> tuple[Export, StoredFile]:
    """The export and the file that a link opens.

    Raises:
        Unauthorized: we made no such link, or it was altered.
        LinkExpired: it has had its time.
        NotFound: the file is not there any more.
    """
    if sought is None or query.expires is None or query.signature is None:
        raise Unauthorized
    export = sought.export
    if not is_signed(secret, Linked(export.scope.space, export.id, name), query.expires, query.signature):
        raise Unauthorized
    if sought.now >= query.expires * 1000:
        raise LinkExpired(query.expires * 1000, sought.now)
    if sought.file is None:
        raise NotFound("file", name)
    return export, sought.file
