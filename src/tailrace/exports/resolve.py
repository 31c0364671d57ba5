"""Resolving: a window becomes commits, once, and is kept so.

A window on availability given in clock time is resolved under the lock of the app's head and never before the
server's clock has passed its end; from then on no commit is stamped earlier than that end. A client's skewed clock
therefore loses nothing.
"""

from msgspec import Struct
from sqlalchemy import Connection

from tailrace.model.access import Scope
from tailrace.model.export import ExportRequest
from tailrace.model.window import Window
from tailrace.store.snapshots import Reach, head, lock_head, seq_before


class Resolved(Struct, frozen=True):
    """The snapshot that an export reads; on the availability axis also which commits. Times in ms."""

    snapshot: int
    after_seq: int | None
    upto_seq: int | None
    complete_through: int


def is_complete(request: ExportRequest, found: Reach) -> bool:
    """Whether a request need not wait for more of its window than a reach has."""
    end = request.window.end
    return not request.wait_until_complete or end is None or found.complete_through >= end


def resolve_snapshot(reach: Reach) -> Resolved:
    """For windows on event time and session start: the newest commit, and how far it is complete."""
    return Resolved(reach.head.seq, None, None, reach.complete_through)


def resolve_increment(connection: Connection, scope: Scope, window: Window, after: int | None) -> Resolved:
    """For windows on availability whose end has passed, or is open. `after` is the seq of a cursor."""
    if window.end is None:
        newest = head(connection, scope)
        upto, through = newest.seq, newest.available_at
    else:
        lock_head(connection, scope, not_before=window.end)
        upto, through = seq_before(connection, scope, window.end), window.end
    return _resolved(connection, scope, window, after, upto, through)


def resolve_within(connection: Connection, scope: Scope, available: Window, found: Reach) -> Resolved:
    """For windows on session start of which only what became available in a second window is wanted.

    Where that leaves out nothing that is older, it is a snapshot of then.
    """
    if available.end is None:
        upto = head(connection, scope).seq
    else:
        lock_head(connection, scope, not_before=available.end)
        upto = seq_before(connection, scope, available.end)
    after = 0 if available.start is None else min(seq_before(connection, scope, available.start), upto)
    through = found.complete_through if available.end is None else min(available.end, found.complete_through)
    return Resolved(upto, after, upto, through) if after else Resolved(upto, None, None, through)


def resolve_roughly(connection: Connection, scope: Scope, window: Window, after: int | None) -> Resolved:
    """The same for an estimate: nothing is locked or changed, and the window may end in the future."""
    newest = head(connection, scope)
    upto = newest.seq if window.end is None else seq_before(connection, scope, window.end)
    return _resolved(connection, scope, window, after, upto, newest.available_at)


def _resolved(
    connection: Connection, scope: Scope, window: Window, after: int | None, upto: int, through: int
) -> Resolved:
    if after is not None:  # a window that ends before the cursor is empty, and the chain stays where it is
        upto = max(upto, after)
        return Resolved(upto, after, upto, through)
    after = 0 if window.start is None else seq_before(connection, scope, window.start)
    return Resolved(upto, min(after, upto), upto, through)
