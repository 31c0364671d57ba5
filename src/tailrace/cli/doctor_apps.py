"""What `doctor` looks at in each app: its newest commit, its ledger, its segments, its objects and its jobs."""

from collections.abc import Iterator

from tailrace.cli.doctor_check import Check
from tailrace.model.access import Scope
from tailrace.store.ledger import ledger
from tailrace.store.snapshots import head, visible
from tailrace.upkeep.survey import survey_jobs, survey_objects
from tailrace.wiring import House

_AHEAD_MS = 900_000  # as far as an availability window may have moved the head


def app_checks(house: House, scope: Scope) -> Iterator[Check]:
    """All of one app."""
    yield _commit_clock(house, scope)
    yield _ledger(house, scope)
    yield _segments(house, scope)
    yield _objects(house, scope)
    yield _waiting(house, scope)


def _commit_clock(house: House, scope: Scope) -> Check:
    """A commit that was stamped while the clock was ahead makes windows in clock time look empty until it is there."""
    with house.database.read() as connection:
        ahead = head(connection, scope).available_at - house.database.now(connection)
    ok = ahead <= _AHEAD_MS
    advice = "" if ok else "the clock was set back: export by cursor, not by clock time, until it has caught up"
    return Check(f"clock of {scope.app_id}", ok, f"newest commit {-ahead / 1000:,.0f} s ago", advice)


def _ledger(house: House, scope: Scope) -> Check:
    found = ledger(house.database, scope)
    text = f"received {found.received:,} = accepted {found.accepted:,} + dead letters {found.dead_letters:,}"
    advice = "" if found.holds else "stop the server, keep a copy of the data directory, and report this"
    return Check(f"ledger of {scope.app_id}", found.holds, text, advice)


def _segments(house: House, scope: Scope) -> Check:
    """Every visible segment has its bytes; opening them all is left to an export."""
    with house.database.read() as connection:
        newest = head(connection, scope)
        segments = visible(connection, scope, newest.seq)
    lost = [
        s.location.object
        for s in segments
        if not _there(house, s.location.object, s.location.offset + s.location.length)
    ]
    events = sum(s.statistics.events for s in segments)
    if lost:
        return Check(
            f"segments of {scope.app_id}",
            ok=False,
            found=f"lost: {', '.join(lost[:3])}",
            next="restore them from a backup",
        )
    ok = events == newest.events
    return Check(
        f"segments of {scope.app_id}", ok, f"{len(segments):,} with {events:,} events", "" if ok else "report this"
    )


def _objects(house: House, scope: Scope) -> Check:
    """What a sweep would delete sooner or later. The objects of a running seal or export count until they are named."""
    found = survey_objects(house.database, house.files, scope)
    text = f"{found.unreferenced:,} unreferenced with {found.unreferenced_bytes:,} bytes"
    seen = f"{found.seen:,} objects" if found.all else f"the first {found.seen:,} objects"
    unknown = f"; {found.unknown:,} of unknown names with {found.unknown_bytes:,} bytes" if found.unknown else ""
    return Check(f"objects of {scope.app_id}", ok=True, found=f"{text} among {seen}{unknown}")


def _waiting(house: House, scope: Scope) -> Check:
    """What is pinned, what fails, and what should have expired: long ago only if nobody sweeps."""
    with house.database.read() as connection:
        now = house.database.now(connection)
        late = now - 2 * house.settings.upkeep.interval_ms
        found = survey_jobs(connection, scope, now, late)
    pin = "no pin" if found.oldest_pin is None else f"oldest pin {found.oldest_pin:,}"
    text = f"{pin}, {found.failing:,} failing, {found.past_life:,} exports past their life"
    advice = f"they are tried again; last error: {found.last_error}" if found.failing else ""
    if found.overdue:
        advice = "run a server or a worker: nobody sweeps"
    return Check(f"jobs of {scope.app_id}", not found.overdue, text, advice)


def _there(house: House, key: str, size: int) -> bool:
    try:
        return house.files.size(key) >= size
    except FileNotFoundError:
        return False
