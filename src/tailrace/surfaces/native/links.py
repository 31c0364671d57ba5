"""Links to files of exports: as a manifest shows them, and what they open when they come back."""

from typing import Annotated
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from tailrace.accounts.limits import limit
from tailrace.db.engine import Database
from tailrace.exports.downloads import Sought, check_kept
from tailrace.exports.records import Export, StoredFile
from tailrace.files.links import Linked, is_signed, sign
from tailrace.model.errors import LinkExpired, NotFound, Unauthorized

PATH = "/v1/exports/{id}/files/{name}"


class LinkQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What makes a path a link: until when it is good, in seconds since 1970, and the signature of all of it."""

    expires: Annotated[int, msgspec.Meta(ge=0, le=1 << 40)] | None = None
    signature: str | None = None


class Links(Struct, frozen=True):
    """How the links of a manifest are made: below which URL, and until when (ms) they are good."""

    secret: str
    base: str
    until: int

    def of(self, export: Export, name: str) -> str:
        """The link of a file of an export."""
        expires = self.until // 1000
        signature = sign(self.secret, Linked(export.scope.space, export.id, name), expires)
        path = PATH.format(id=export.id, name=quote(name, safe=""))
        return f"{self.base}{path}?{urlencode({'expires': expires, 'signature': signature})}"


def new_links(database: Database, secret: str, base: str) -> Links:
    """Links from now on, for as long as the policy gives them."""
    with database.read() as connection:
        return Links(secret, base, database.now(connection) + limit(connection, "downloads.link_life_ms"))


def opened(secret: str, sought: Sought, name: str, query: LinkQuery) -> StoredFile:
    """The file that a link opens.

    Raises:
        Unauthorized: we made no such link, or it was altered.
        Expired: the files of its export have had their time.
        LinkExpired: it has had its own.
        NotFound: the export has no file of that name any more.
    """
    if query.expires is None or query.signature is None:
        raise Unauthorized
    if not is_signed(secret, Linked(sought.scope.space, sought.export, name), query.expires, query.signature):
        raise Unauthorized
    check_kept(sought)
    if sought.now >= query.expires * 1000:
        raise LinkExpired(query.expires * 1000, sought.now)
    if sought.file is None:
        raise NotFound("file", name)
    return sought.file
