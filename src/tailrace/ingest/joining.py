"""Late events: which sealed session, if any, a complete group belongs to."""

from dataclasses import dataclass, replace

from tailrace.ingest.grouping import SessionRules
from tailrace.store.sessions import SealedSession


@dataclass(frozen=True, slots=True)
class Closing:
    """A complete group on its way to a segment. Times in ms; `session_id` is None where the sender gave none."""

    group: int
    actor: bytes
    session_id: str | None
    start: int
    end: int


def join(closing: Closing, sealed: list[SealedSession], rules: SessionRules) -> SealedSession | None:
    """The sealed session that covers a group, grown by it; None if it is a session of its own.

    `sealed` holds the actor's sessions in order of start, and is updated, so that the next group sees the growth.
    """
    for place, session in enumerate(sealed):
        if _belongs(closing, session, rules):
            grown = replace(session, end=max(session.end, closing.end), fragments=session.fragments + 1)
            sealed[place] = grown
            return grown
    return None


def _belongs(closing: Closing, session: SealedSession, rules: SessionRules) -> bool:
    """The same id, or no id and near enough in time; never so that the session would become too long."""
    if closing.session_id is None:
        near = session.generated and _near(closing, session, rules.inactivity)
    else:
        near = not session.generated and session.session_id == closing.session_id
    length = max(session.end, closing.end) - min(session.start, closing.start)
    return near and length < rules.longest


def _near(closing: Closing, session: SealedSession, inactivity: int) -> bool:
    return closing.start <= session.end + inactivity and closing.end >= session.start - inactivity
