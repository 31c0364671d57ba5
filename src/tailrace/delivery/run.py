"""Running a claimed job of the lane delivery. Whatever comes of it, no export is made again or delayed."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from threading import Event
from typing import Any

import msgspec

from tailrace.db.tables import deliveries
from tailrace.delivery.courier import Courier, Errand, Sink
from tailrace.delivery.destinations import find_row
from tailrace.delivery.ends import GivenUp, PutOff, Stopped, Void
from tailrace.delivery.log import note_attempt
from tailrace.delivery.records import begin_due, change_delivery, rows_of_exports
from tailrace.delivery.targets import delivery_of, joined
from tailrace.jobs.heartbeat import Heard, heartbeat
from tailrace.jobs.queue import Job, finish, give_back, renew
from tailrace.jobs.retry import explain
from tailrace.logs import bound, log
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, SECOND
from tailrace.model.delivery import Copied, Delivery, DeliveryKind, DeliveryState
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


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of an attempt that is the last one."""

    state: DeliveryState
    error: str | None = None
    copied: tuple[Copied, ...] = ()


def run_delivery(courier: Courier, job: Job, scope: Scope) -> None:
    """Carry out the delivery of a claimed job, or put the job back when trying again makes sense."""
    with bound(job=job.number, delivery=job.subject), span("delivery", {"tailrace.delivery": job.subject}):
        try:
            _attempt(courier, job, scope)
        except FenceLost:
            log.warning("delivery.taken_over", attempt=job.attempt)


def _attempt(courier: Courier, job: Job, scope: Scope) -> None:
    with courier.database.read() as connection:
        began = courier.database.now(connection)
        row = connection.execute(
            rows_of_exports().where(deliveries.c.space == scope.space, deliveries.c.id == job.subject)
        ).one()
    again = partial(_again, courier, job, scope, row, began)
    ended = partial(_ended, courier, job, scope, row, began)
    try:
        with _lease(courier, job) as go_on:
            copied = _carry_out(Errand(courier, job, scope, row, _asked(courier, scope, row), go_on))
        point("delivery.before_end")
        ended(_Came("delivered", copied=copied))
    except FenceLost:
        raise
    except Stopped:
        _given_back(courier, job, 0)
    except PutOff as later:
        _given_back(courier, job, later.seconds * SECOND)
    except Void as void:
        ended(_Came("void", str(void)))
    except GivenUp as end:
        ended(_Came("failed", str(end)))
    except Exception as error:
        again(error)


def _carry_out(errand: Errand) -> tuple[Copied, ...]:
    if errand.job.failures >= _MOST_FAILURES:
        raise GivenUp(f"{errand.job.failures} workers failed or died while they tried")
    return _sink(errand.row.kind)(errand)


def _sink(kind: DeliveryKind) -> Sink:
    module, _, name = SINKS[kind].partition(":")
    found: Sink = getattr(import_module(module), name)
    return found


def _asked(courier: Courier, scope: Scope, row: Any) -> Delivery:
    """What is to be delivered whereto, with its secrets, which a stored destination may bring.

    Raises:
        GivenUp: the destination is gone.
        Unavailable: no key of this process opens the secrets.
    """
    asked = delivery_of(courier.vault, scope.space, row)
    if not asked.destination:
        return asked
    with courier.database.read() as connection:
        stored = find_row(connection, scope.space, asked.destination)
    if stored is None or stored.kind != row.kind:
        raise GivenUp("its destination was deleted")
    return joined(delivery_of(courier.vault, scope.space, stored), asked)


@contextmanager
def _lease(courier: Courier, job: Job) -> Iterator[Callable[[], None]]:
    """Keep the job while the block runs; gives what raises when the block is to end."""
    lost = Event()

    def heard(_signal: Heard) -> None:
        lost.set()

    def go_on() -> None:
        if lost.is_set() or courier.closing.is_set():
            raise Stopped

    lease_ms = courier.settings.delivery.lease_ms
    with heartbeat(partial(renew, courier.database, job, lease_ms), lease_ms, heard):
        yield go_on


def _ended(courier: Courier, job: Job, scope: Scope, row: Any, began: int, came: _Came) -> None:
    """The last word on a delivery, in one transaction with its job and with what waited for it."""
    with courier.database.write() as connection:
        now = courier.database.now(connection)
        values = {"state": came.state, "error": came.error, "finished_at": now, "copied": _json(came.copied)}
        change_delivery(connection, scope, row.id, **values)
        note_attempt(connection, scope, row.id, began, now - began, came.state, came.error)
        finish(connection, job, "failed" if came.state == "failed" else "succeeded", came.error)
        begin_due(connection, scope, row.export)
    told = {"export": row.export, "kind": row.kind, "attempt": job.attempt}
    if came.state == "failed":
        log.warning("delivery.failed", why=came.error, **told)
    elif came.state == "void":
        log.info("delivery.void", why=came.error, **told)
    else:
        log.info("delivery.delivered", **told)


def _again(courier: Courier, job: Job, scope: Scope, row: Any, began: int, error: Exception) -> None:
    """Try again later, unless its time is over."""
    if not isinstance(error, (TailraceError, OSError)):
        log.exception("delivery.error", export=row.export, kind=row.kind)
    why = explain(error)
    with courier.database.read() as connection:
        left = row.began_at + courier.settings.delivery.give_up_ms - courier.database.now(connection)
    if left <= 0 or (isinstance(error, TailraceError) and not error.retryable):
        _ended(courier, job, scope, row, began, _Came("failed", why))
        return
    delay = min(_pause_ms(courier.settings.delivery.first_pause_ms, job.failures), left)
    with courier.database.write() as connection:
        now = courier.database.now(connection)
        give_back(connection, job, delay, failed=True, error=why)
        change_delivery(connection, scope, row.id, error=f"{why}; it will be tried again")
        note_attempt(connection, scope, row.id, began, now - began, "again", why)
    log.warning("delivery.tried_again_later", why=why, pause_ms=delay, attempt=job.attempt)


def _pause_ms(first_ms: int, failures: int) -> int:
    """How long to wait after so many failures before this one."""
    even: int = min(_LONGEST_PAUSE_MS, first_ms * _GROWTH ** min(failures, 20))
    return round(even * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - nobody gains by foreseeing it


def _given_back(courier: Courier, job: Job, delay_ms: int) -> None:
    with suppress(Unavailable), courier.database.write() as connection:
        give_back(connection, job, delay_ms, failed=False)


def _json(copied: tuple[Copied, ...]) -> str | None:
    return msgspec.json.encode(copied).decode() if copied else None
