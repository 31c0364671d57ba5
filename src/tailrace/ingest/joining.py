"""Late events: which sealed session, if any, a complete group belongs to."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace

from tailrace.ingest.cutting import Cutter, Stretch
from tailrace.ingest.grouping import Groups, SessionRules
from tailrace.store.sessions import SealedSession, Wanted

_Key = tuple[bytes, str | None]


class Closing(Struct, frozen=True):
    """A complete group on its way to a segment. Times in ms; `session_id` is None where the sender gave none.

    `first_key` is the dedupe key of its first event; each of `parts` becomes a fragment.
    """

    group: int
    actor: bytes
    session_id: str | None
    first_key: bytes
    start: int
    end: int
    ended: bool
    parts: Sequence[Stretch]

    @property
    def key(self) -> _Key:
        """Under what its sealed session would be found."""
        return self.actor, self.session_id


class SealedIndex:
    """Sealed sessions by actor and sender's id; those without one by actor alone. Each list is in order of start."""

    def __init__(self, sessions: Sequence[SealedSession]) -> None:
        self._lists: dict[_Key, list[SealedSession]] = {}
        for session in sessions:
            key = (session.actor, None if session.generated else session.session_id)
            self._lists.setdefault(key, []).append(session)

    def join(self, closing: Closing, rules: SessionRules) -> SealedSession | None:
        """The earliest sealed session that a group belongs to, grown by it; None if it is a session of its own.

        The index keeps the growth, so that the next group of the actor sees it.
        """
        sealed = self._lists.get(closing.key, [])
        for place, session in enumerate(sealed):
            if _belongs(closing, session, rules):
                sealed[place] = _grown(session, closing)
                return sealed[place]
        return None


def closings(records: pa.Table, groups: Groups, cutter: Cutter, indexes: npt.NDArray[np.intp]) -> list[Closing]:
    """Some groups as closings, by actor and time, so that joining sees them in their order."""
    at = pa.array(groups.order[groups.first[indexes]])
    columns = (records[name].take(at).to_pylist() for name in ("actor_hash", "session_id", "key"))
    return [
        Closing(
            group=int(index),
            actor=actor,
            session_id=name or None,
            first_key=key,
            start=int(groups.start[index]),
            end=int(groups.end[index]),
            ended=bool(groups.ended[index]),
            parts=cutter.cut(int(index)),
        )
        for index, actor, name, key in zip(indexes, *columns, strict=True)
    ]


def wanted(closing: Sequence[Closing], rules: SessionRules) -> Wanted:
    """The sealed sessions that some groups could belong to."""
    nameless = [c for c in closing if c.session_id is None]
    return Wanted(
        named=sorted({(c.actor, c.session_id) for c in closing if c.session_id is not None}),
        nameless=sorted({c.actor for c in nameless}),
        earliest=min((c.start for c in nameless), default=0) - rules.inactivity,
        latest=max((c.end for c in nameless), default=0) + rules.inactivity,
    )


def _grown(session: SealedSession, closing: Closing) -> SealedSession:
    return replace(
        session,
        earliest=min(session.earliest, closing.start),
        end=max(session.end, closing.end),
        fragments=session.fragments + len(closing.parts),
        ended=session.ended or closing.ended,
    )


def _belongs(closing: Closing, session: SealedSession, rules: SessionRules) -> bool:
    """The same id, or no id and near enough in time; never so that the session would become too long."""
    near = closing.session_id is not None or _near(closing, session, rules.inactivity)
    length = max(session.end, closing.end) - min(session.earliest, closing.start)
    return near and length < rules.longest


def _near(closing: Closing, session: SealedSession, inactivity: int) -> bool:
    """Within the limit of inactivity; after a session that its sender ended, only what overlaps it."""
    after = 0 if session.ended else inactivity
    return closing.start <= session.end + after and closing.end >= session.start - inactivity
