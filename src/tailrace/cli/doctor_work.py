"""What `doctor` looks at to see whether anybody works: leases that nobody took over, jobs and records that wait."""

from collections.abc import Iterator

from sqlalchemy import func, select

from tailrace.cli.doctor_check import Check
from tailrace.db.tables import jobs
from tailrace.jobs.pins import not_done
from tailrace.model.clock import MINUTE
from tailrace.reports.counts import count_store
from tailrace.wiring import House

_STUCK_MS = 5 * MINUTE  # after its end a lease is taken over within seconds where a worker lives
_WAIT_MS = MINUTE
_START = "start a server or `tailrace worker`; if one runs, look into its log"


def work_checks(house: House) -> Iterator[Check]:
    """All of them."""
    yield _leases(house)
    yield _workers(house)


def _leases(house: House) -> Check:
    with house.database.read() as connection:
        over = house.database.now(connection) - _STUCK_MS
        leased = not_done(), jobs.c.state == "leased", jobs.c.lease_until < over
        stuck = connection.scalar(select(func.count()).select_from(jobs).where(*leased)) or 0
    return Check("leases", not stuck, f"{stuck:,} long over and not taken over", _START if stuck else "")


def _workers(house: House) -> Check:
    """Nobody signs in as a worker: what waits although nothing of its lane is at work says that there is none."""
    counts = count_store(house.database)
    patience = {"upkeep": 2 * house.settings.upkeep.interval_ms}
    idle = [
        f"jobs of the lane {lane} for {ms // 1000:,} s"
        for lane, ms in counts.waits_ms.items()
        if ms > patience.get(lane, _WAIT_MS) and not counts.jobs.get((lane, "leased"))
    ]
    late = max((app.lag_ms for app in counts.apps), default=0)
    if late > _WAIT_MS + 10 * house.settings.seal.interval_ms:
        idle.append(f"records in the inbox for {late // 1000:,} s")
    found = "nothing waits for a worker" if not idle else f"unattended: {', '.join(idle)}"
    return Check("workers", not idle, found, _START if idle else "")
