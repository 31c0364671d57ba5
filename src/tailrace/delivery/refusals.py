"""Who wants no mail of a space, and the links by which one says so."""

import hmac
from base64 import urlsafe_b64encode
from urllib.parse import urlencode

from sqlalchemy import Connection, select

from tailrace.db.engine import Database, storable
from tailrace.db.tables import mail_refusals
from tailrace.db.upserts import insert_into
from tailrace.model.errors import Unauthorized

PATH = "/v1/mail/unsubscribe"
_PURPOSE = b"tailrace unsubscribe 1"  # no other signature of the same secret can pass for one of such a link


def refusal_link(secret: str, base: str, space: int, address: str) -> str:
    """The link by which an address says that it wants no more mail of a space."""
    query = {"space": space, "address": address, "signature": _sign(secret, space, address)}
    return f"{base}{PATH}?{urlencode(query)}"


def refuse(database: Database, secret: str, space: int, address: str, signature: str) -> None:
    """Send no more mail of a space to an address.

    Raises:
        Unauthorized: we made no such link.
    """
    if not hmac.compare_digest(_sign(secret, space, address).encode(), signature.encode()) or not storable(address):
        raise Unauthorized
    with database.write() as connection:
        row = {"space": space, "address": address.lower(), "at": database.now(connection)}
        connection.execute(insert_into(connection, mail_refusals).values(row).on_conflict_do_nothing())


def refused(connection: Connection, space: int, address: str) -> bool:
    """Whether an address wants no mail of a space."""
    mine = (mail_refusals.c.space == space, mail_refusals.c.address == address.lower())
    return connection.scalar(select(mail_refusals.c.at).where(*mine)) is not None


def _sign(secret: str, space: int, address: str) -> str:
    key = hmac.digest(secret.encode(), _PURPOSE, "sha256")
    return urlsafe_b64encode(hmac.digest(key, f"{space} {address}".encode(), "sha256")).rstrip(b"=").decode()
