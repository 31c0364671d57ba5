"""Running a claimed job of the lane delivery. Whatever comes of it, no export is made again or delayed."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from threading import Event
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from tailrace.db.engine import Database, now_of
from tailrace.db.tables import deliveries, owned
from tailrace.delivery.courier import Courier, Errand, Sink
from tailrace.delivery.destinations import find_row
from tailrace.delivery.ends import GivenUp, PutOff, Stopped, Void
from tailrace.delivery.log import Outcome, note_attempt
from tailrace.delivery.records import begin_due, change_delivery, hold_export, with_exports
from tailrace.delivery.targets import delivery_of, joined
from tailrace.jobs.heartbeat import Heard, heartbeat
from tailrace.jobs.queue import Job, finish, give_back, renew
from tailrace.jobs.retry import explain
from tailrace.logs import bound, log
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, SECOND
from tailrace.model.delivery import Copied, Delivery, DeliveryKind
from tailrace.model.errors import FenceLost, TailraceError, Unavailable
from tailrace.model.points import point
from tailrace.traces import span

# Sinks by kind, as module and function: each brings a library, which is loaded by who needs it.
SINKS: Mapping[DeliveryKind, str] = {
    "s3": "tailrace.delivery.s3:copy_files",
    "webhook": "tailrace.delivery.webhook:send_webhook",
    "mail": "tailrace.delivery.mail:send_mail",
}
_GROWTH = 3
_LONGEST_PAUSE_MS = 3 * HOUR
_JITTER = 0.2  # pauses differ by so much, so that what failed together does not come again together
_MOST_FAILURES = 100  # of workers that die of it, which no clock bounds


class _Attempt(Struct, frozen=True):
    """A claimed job, its delivery's row, and when (ms) this attempt began."""

    courier: Courier
    job: Job
    scope: Scope
    row: Any
    began: int

    @property
    def database(self) -> Database:
        return self.courier.database

    def note(self, connection: Connection, outcome: Outcome, why: str | None) -> None:
        """Add it to the log of the delivery."""
        took = now_of(connection) - self.began
        note_attempt(connection, self.scope, self.row.id, self.began, took, outcome, why)

    def told(self) -> dict[str, object]:
        """What lines of the log say of it."""
        return {"export": self.row.export, "kind": self.row.kind, "attempt": self.job.attempt}


class _Came(Struct, frozen=True):
    """What came of an attempt that is the last one."""

    state: Literal["delivered", "failed", "void"]
    error: str | None = None
    copied: tuple[Copied, ...] = ()


def run_delivery(courier: Courier, job: Job, scope: Scope) -> None:
    """Carry out the delivery of a claimed job, or put the job back when trying again makes sense."""
    with bound(job=job.number, delivery=job.subject), span("delivery", {"tailrace.delivery": job.subject}):
        try:
            _run(_begun(courier, job, scope))
        except FenceLost:
            log.warning("delivery.taken_over", attempt=job.attempt)


def _begun(courier: Courier, job: Job, scope: Scope) -> _Attempt:
    with courier.database.read() as connection:
        row = connection.execute(with_exports().where(owned(deliveries, scope), deliveries.c.id == job.subject)).one()
        return _Attempt(courier, job, scope, row, courier.database.now(connection))


def _run(attempt: _Attempt) -> None:
    """Try it, and see to the end that it takes."""
    try:
        came = _Came("delivered", copied=_carried_out(attempt))
    except FenceLost:
        raise
    except Stopped:
        _given_back(attempt, 0)
        return
    except PutOff as later:
        _given_back(attempt, later.seconds * SECOND)
        return
    except Void as void:
        came = _Came("void", str(void))
    except GivenUp as end:
        came = _Came("failed", str(end))
    except Exception as error:
        _again_or_failed(attempt, error)
        return
    point("delivery.before_end")
    _ended(attempt, came)


def _carried_out(attempt: _Attempt) -> tuple[Copied, ...]:
    job, row = attempt.job, attempt.row
    if job.failures >= _MOST_FAILURES:
        raise GivenUp(f"{job.failures} workers failed or died while they tried")
    with _lease(attempt) as go_on:
        return _sink(row.kind)(Errand(attempt.courier, job, attempt.scope, row, _asked(attempt), go_on))


def _sink(kind: DeliveryKind) -> Sink:
    module, _, name = SINKS[kind].partition(":")
    found: Sink = getattr(import_module(module), name)
    return found


def _asked(attempt: _Attempt) -> Delivery:
    """What is to be delivered whereto, with its secrets, which a stored destination may bring.

    Raises:
        GivenUp: the destination is gone.
        Unavailable: no key of this process opens the secrets.
    """
    vault, space = attempt.courier.vault, attempt.scope.space
    asked = delivery_of(vault, space, attempt.row)
    if not asked.destination:
        return asked
    with attempt.database.read() as connection:
        stored = find_row(connection, space, asked.destination)
    if stored is None or stored.kind != attempt.row.kind:
        raise GivenUp("its destination was deleted")
    return joined(delivery_of(vault, space, stored), asked)


@contextmanager
def _lease(attempt: _Attempt) -> Iterator[Callable[[], None]]:
    """Keep the job while the block runs; gives what raises when the block is to end."""
    courier, lost = attempt.courier, Event()

    def heard(_signal: Heard) -> None:
        lost.set()

    def go_on() -> None:
        if lost.is_set() or courier.closing.is_set():
            raise Stopped

    lease_ms = courier.settings.delivery.lease_ms
    with heartbeat(partial(renew, courier.database, attempt.job, lease_ms), lease_ms, heard):
        yield go_on


def _ended(attempt: _Attempt, came: _Came) -> None:
    """The last word on a delivery, in one transaction with its job and with what waited for it.

    Of two that end at once the later one sees that the other has, so one of them lets go what waited for both.
    """
    row, scope = attempt.row, attempt.scope
    with attempt.database.write() as connection:
        hold_export(connection, scope, row.export)
        values = {"state": came.state, "error": came.error, "copied": _json(came.copied)}
        change_delivery(connection, scope, row.id, finished_at=now_of(connection), **values)
        attempt.note(connection, came.state, came.error)
        finish(connection, attempt.job, "failed" if came.state == "failed" else "succeeded", came.error)
        begin_due(connection, scope, row.export)
    if came.state == "failed":
        log.warning("delivery.failed", why=came.error, **attempt.told())
    elif came.state == "void":
        log.info("delivery.void", why=came.error, **attempt.told())
    else:
        log.info("delivery.delivered", **attempt.told())


def _again_or_failed(attempt: _Attempt, error: Exception) -> None:
    """Let it be tried again later, unless its time is over or that changes nothing."""
    if not isinstance(error, (TailraceError, OSError)):
        log.exception("delivery.error", **attempt.told())
    why, settings = explain(error), attempt.courier.settings.delivery
    with attempt.database.read() as connection:
        left = attempt.row.began_at + settings.give_up_ms - now_of(connection)
    if left <= 0 or (isinstance(error, TailraceError) and not error.retryable):
        _ended(attempt, _Came("failed", why))
        return
    pause = min(_pause_ms(settings.first_pause_ms, attempt.job.failures), left)
    with attempt.database.write() as connection:
        give_back(connection, attempt.job, pause, failed=True, error=why)
        change_delivery(connection, attempt.scope, attempt.row.id, error=f"{why}; it will be tried again")
        attempt.note(connection, "again", why)
    log.warning("delivery.tried_again_later", why=why, pause_ms=pause, **attempt.told())


def _pause_ms(first_ms: int, failures: int) -> int:
    """How long to wait after so many failures before this one."""
    even: int = min(_LONGEST_PAUSE_MS, first_ms * _GROWTH ** min(failures, 20))
    return round(even * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - nobody gains by foreseeing it


def _given_back(attempt: _Attempt, delay_ms: int) -> None:
    with suppress(Unavailable), attempt.database.write() as connection:
        give_back(connection, attempt.job, delay_ms, failed=False)


def _json(copied: tuple[Copied, ...]) -> str | None:
    return msgspec.json.encode(copied).decode() if copied else None
