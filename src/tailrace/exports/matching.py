"""Matching: whether an export has a row at all, found out before it is queued."""

from collections.abc import Sequence

from tailrace.db.engine import Database
from tailrace.exports.resolve import Resolved
from tailrace.exports.submit import Submitted, Submitter, resolve_now, submit_once
from tailrace.files.base import Files
from tailrace.model.access import Principal, Scope
from tailrace.model.export import ExportRequest
from tailrace.model.policy import Policy
from tailrace.model.segment import Segment
from tailrace.store.fragments import scan_fragments
from tailrace.store.snapshots import visible

MOST_LOOKS = 100  # segments that are opened; if none of so many has a row, the export is made and may have none


def submit_matching(
    submitter: Submitter, files: Files, principal: Principal, scope: Scope, request: ExportRequest, policy: Policy
) -> Submitted | None:
    """Keep a request for sessions as a queued export; None, and nothing is kept or counted, if nothing matches.

    What it was resolved to stands all the same: nothing that comes later becomes available within its window. A window
    that has not ended is waited for, and its export may have no rows. Raises as `submit_once` does.
    """
    resolved = resolve_now(submitter, scope, request)
    if resolved is not None and not matches(submitter.database, files, scope, request, resolved):
        return None
    return submit_once(submitter, principal, scope, request, None, policy=policy, resolved=resolved)


def matches(database: Database, files: Files, scope: Scope, request: ExportRequest, resolved: Resolved) -> bool:
    """Whether a session begins in the request's window, among those that it was resolved to."""
    after = resolved.after_seq or 0
    with database.read() as connection:
        segments = visible(connection, scope, resolved.snapshot, after=after, window=request.window)
    known = [segment.statistics for segment in segments]
    if len(segments) > MOST_LOOKS or any(request.window.covers(one.min_start, one.max_start) for one in known):
        return True
    return _found(files, request, segments)


def _found(files: Files, request: ExportRequest, segments: Sequence[Segment]) -> bool:
    """What statistics cannot tell, such as of a day that is half in the window, the starts of sessions do."""
    return any(
        batch.events.num_rows for segment in segments for batch in scan_fragments(files, segment, request.window, ())
    )
