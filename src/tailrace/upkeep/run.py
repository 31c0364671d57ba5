"""Running a claimed job of the lane upkeep. It recurs: whatever came of it, there is a next time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event

from msgspec.structs import asdict

from tailrace.jobs.heartbeat import Heard, heartbeat
from tailrace.jobs.queue import Job, give_back, renew, repeat
from tailrace.jobs.retry import delay_ms, rule_for
from tailrace.logs import bound, log
from tailrace.model.access import Scope
from tailrace.model.errors import FenceLost
from tailrace.traces import span
from tailrace.upkeep.sweep import GoOn, Sweeper, sweep

SWEEP = "sweep"  # the subject of the job


class _Ended(Exception):
    """The sweep stops where it is: the server stops, somebody cancelled it, or its lease is lost."""


def run_upkeep(sweeper: Sweeper, job: Job, scope: Scope, stop: Event) -> None:
    """Sweep the app of a claimed job and put the job back. When `stop` is set it ends between two steps."""
    with bound(job=job.number), span("sweep", {"tailrace.app": scope.app_id}):
        _run(sweeper, job, scope, stop)


def _run(sweeper: Sweeper, job: Job, scope: Scope, stop: Event) -> None:
    try:
        with _lease(sweeper, job, stop) as go_on:
            swept = sweep(sweeper, scope, go_on)
        _repeat(sweeper, job)
        log.info("sweep.done", app=scope.app_id, **asdict(swept))
    except _Ended:
        _ended(sweeper, job, stop)
    except FenceLost:
        log.warning("sweep.taken_over", app=scope.app_id)
    except Exception as error:
        log.warning("sweep.failed", app=scope.app_id, exc_info=error)
        _put_off(sweeper, job, error)


@contextmanager
def _lease(sweeper: Sweeper, job: Job, stop: Event) -> Iterator[GoOn]:
    """Keep the job while the block runs; gives what raises when the block is to end."""
    ended = Event()

    def heard(_signal: Heard) -> None:
        ended.set()

    def go_on() -> None:
        if ended.is_set() or stop.is_set():
            raise _Ended

    lease_ms = sweeper.settings.lease_ms
    with heartbeat(partial(renew, sweeper.database, job, lease_ms), lease_ms, heard):
        yield go_on


def _repeat(sweeper: Sweeper, job: Job) -> None:
    with sweeper.database.write() as connection:
        repeat(connection, job, sweeper.database.now(connection) + sweeper.settings.interval_ms)


def _ended(sweeper: Sweeper, job: Job, stop: Event) -> None:
    """A server that stops leaves the sweep to the next one; a cancelled sweep comes again in its time."""
    with suppress(FenceLost):
        if not stop.is_set():
            _repeat(sweeper, job)
            return
        with sweeper.database.write() as connection:
            give_back(connection, job, 0, failed=False)


def _put_off(sweeper: Sweeper, job: Job, error: Exception) -> None:
    """Try again after a while that grows, and never for longer than between two sweeps."""
    rule = rule_for(error)
    count = 1 + (job.failures if rule.counts else job.outages)
    delay = min(delay_ms(rule, count), sweeper.settings.interval_ms)
    if not rule.most_ms:
        delay = sweeper.settings.interval_ms
    with suppress(FenceLost), sweeper.database.write() as connection:
        give_back(connection, job, delay, failed=rule.counts, outage=not rule.counts, error=str(error))
