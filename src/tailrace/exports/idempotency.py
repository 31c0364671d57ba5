"""Idempotency: a request that comes again under the same key of its client is the same request, for a day."""

from hashlib import sha256

import msgspec
from msgspec import Struct
from msgspec.structs import fields
from sqlalchemy import Connection, delete, insert, select

from tailrace.db.tables import idempotency_keys, users
from tailrace.model.access import Principal
from tailrace.model.clock import DAY
from tailrace.model.errors import IdempotencyMismatch
from tailrace.model.export import ExportRequest

LIFE_MS = DAY


class Once(Struct, frozen=True):
    """A client's key, and the digest of what it is used for."""

    key: str
    digest: bytes


def once(key: str, request: ExportRequest, what: str = "") -> Once:
    """A key for a request; `what` tells one use of a request from another.

    What a request leaves at its default does not count, so that a release with more keys knows the digest again.
    """
    said = {f.name: getattr(request, f.name) for f in fields(request) if getattr(request, f.name) != f.default}
    return Once(key, sha256(msgspec.json.encode([what, said], order="sorted")).digest())


def recall(connection: Connection, principal: Principal, asked: Once, now: int) -> str | None:
    """The export that a key of this user was used for; None if it is new or its day is over.

    Until the transaction ends no other one of this user comes by here: of two that bring the same key at once the
    later one finds what the earlier one made.

    Raises:
        IdempotencyMismatch: it was used for something else.
    """
    connection.execute(select(users.c.number).where(users.c.number == principal.user).with_for_update(key_share=True))
    mine = (idempotency_keys.c.space == principal.space, idempotency_keys.c.user == principal.user)
    connection.execute(delete(idempotency_keys).where(*mine, idempotency_keys.c.created_at <= now - LIFE_MS))
    row = connection.execute(select(idempotency_keys).where(*mine, idempotency_keys.c.key == asked.key)).first()
    if row is None:
        return None
    if bytes(row.digest) != asked.digest:
        raise IdempotencyMismatch
    found: str = row.export
    return found


def remember(connection: Connection, principal: Principal, asked: Once, export_id: str, now: int) -> None:
    """Keep what a key is used for now."""
    connection.execute(
        insert(idempotency_keys).values(
            space=principal.space,
            user=principal.user,
            key=asked.key,
            digest=asked.digest,
            export=export_id,
            created_at=now,
        )
    )
