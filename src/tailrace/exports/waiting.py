"""Waiting: an export of a window in event time or session start may wait until the window is complete.

It stays queued and its job is given back again and again. That is no failure, keeps no worker busy, and outlives
whoever looks; `complete_through` of the export says how far it is.
"""

from sqlalchemy import Connection

from tailrace.exports.attempts import Attempt
from tailrace.exports.ending import cancelled, insist
from tailrace.exports.records import Export
from tailrace.exports.resolve import is_complete
from tailrace.jobs.queue import Signal, give_back, hold
from tailrace.model.clock import MINUTE, SECOND
from tailrace.store.snapshots import Reach, reach

_SOONEST_MS, _LATEST_MS = SECOND, MINUTE
_SHARE = 8  # of what was waited since the end of the window, until the next look


class Incomplete(Exception):
    """Something of an export's window is still on its way; nothing is missing before `through` (ms)."""

    def __init__(self, through: int) -> None:
        super().__init__(through)
        self.through = through


def complete_reach(attempt: Attempt, export: Export) -> Reach | None:
    """The commit that an export reads; None on the axis of availability, whose windows are resolved otherwise.

    Raises:
        Incomplete: it is to wait.
    """
    if export.request.window.axis == "available":
        return None
    found = reach(attempt.database, export.scope)
    if not is_complete(export.request, found):
        raise Incomplete(found.complete_through)
    return found


def look_later(attempt: Attempt, export: Export, through: int) -> None:
    """Give the job back for a while, and note how far the store is; end the export if it was cancelled meanwhile."""

    def change(connection: Connection) -> Signal:
        signal = hold(connection, attempt.job)
        if signal == "go_on":
            waited = attempt.database.now(connection) - (export.request.window.end or 0)
            give_back(connection, attempt.job, pause_ms(waited), failed=False)
            attempt.change(connection, complete_through=through, error=None)
        return signal

    if insist(attempt, change) == "cancel":
        cancelled(attempt)


def pause_ms(waited: int) -> int:
    """How long until the next look, from how long the window has been over: looks become rarer, and never rare."""
    return min(max(waited // _SHARE, _SOONEST_MS), _LATEST_MS)
