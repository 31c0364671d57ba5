"""What is written when a token is used: the verifier that an older release did not make, and when it was used last."""

from typing import Any

from sqlalchemy import Row, or_, update

from tailrace.accounts.keys import hash_token
from tailrace.accounts.recent import Recent
from tailrace.accounts.verifiers import Verifiers
from tailrace.db.engine import Database
from tailrace.db.tables import tokens
from tailrace.logs import log
from tailrace.model.clock import MINUTE
from tailrace.model.errors import Unavailable

_verifiers = Verifiers()
_tried = Recent()


def confirm(database: Database, row: "Row[Any]", token: str, now: int) -> bool:
    """Whether a text is the token of a row that its hash has found; a row without a verifier gets one."""
    if row.verifier is not None:
        return _verifiers.fits(row.hash, row.verifier, token)
    if _tried.first(b"verifier of " + row.hash, now, MINUTE):
        same = update(tokens).where(tokens.c.number == row.number, tokens.c.verifier.is_(None))
        _try(database, same.values(verifier=hash_token(token)))
    return True


def note_use(database: Database, row: "Row[Any]", now: int, idle_ms: int | None) -> None:
    """Say that a token is in use, once a minute at most, and more often only where a login would end sooner."""
    pause = MINUTE if idle_ms is None else min(MINUTE, idle_ms // 10)
    # A process tries once in this time: where writing fails, or waits, other requests do not.
    if (row.used_at is None or row.used_at <= now - pause) and _tried.first(row.hash, now, pause):
        stale = or_(tokens.c.used_at.is_(None), tokens.c.used_at < now)
        _try(database, update(tokens).where(tokens.c.number == row.number, stale).values(used_at=now))


def _try(database: Database, change: Any) -> None:
    """Best effort: a request is not refused because of what only tells."""
    try:
        with database.count() as connection:
            connection.execute(change)
    except Unavailable as error:
        log.warning("token.use_not_noted", why=error.why)
