"""Cursors: where a chain of exports continues. Opaque to clients, signed so that a damaged one is noticed."""

from hashlib import sha256

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer
from msgspec import Struct
from msgspec.structs import asdict

from tailrace.model.errors import CursorReason, CursorRefused
from tailrace.model.export import ExportRequest


class Cursor(Struct, frozen=True):
    """The store's epoch, the app's id, the last commit that was exported, and what was asked for."""

    epoch: str
    app: str
    seq: int
    request: str


def request_digest(request: ExportRequest) -> str:
    """What must stay the same along a chain: app, shape and filters. Format and columns may change."""
    asked = asdict(request.filters)
    filters = {name: sorted(map(msgspec.json.encode, values)) for name, values in asked.items()}
    return sha256(msgspec.json.encode([request.app, request.shape, filters], order="sorted")).hexdigest()[:24]


def write_cursor(secret: str, cursor: Cursor) -> str:
    """A cursor as text that is safe in URLs."""
    return _serializer(secret).dumps([cursor.epoch, cursor.app, cursor.seq, cursor.request])


def read_cursor(secret: str, text: str, request: ExportRequest, *, epoch: str, head: int) -> Cursor:
    """The cursor of a text, if the request can continue from it.

    Raises:
        CursorRefused: it is unreadable, of another epoch or app, ahead of the newest commit, or of another request.
    """
    try:
        cursor = Cursor(*_serializer(secret).loads(text))
    except (BadSignature, TypeError):
        raise CursorRefused("unreadable") from None
    checks: tuple[tuple[bool, CursorReason], ...] = (
        (cursor.epoch != epoch, "epoch"),
        (cursor.app != request.app, "app"),
        (cursor.request != request_digest(request), "request"),
        (cursor.seq > head, "ahead"),
    )
    for wrong, reason in checks:
        if wrong:
            raise CursorRefused(reason)
    return cursor


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="cursor")
