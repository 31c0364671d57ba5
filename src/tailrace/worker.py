"""The worker: seals and closes what is due, runs exports and delivers them, until it is told to stop."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from tailrace.accounts.lookup import all_scopes, scope_of_number
from tailrace.compute.memory import give_back_memory, map_large_buffers
from tailrace.delivery.courier import Courier
from tailrace.delivery.run import run_delivery
from tailrace.exports.attempts import Output, Runner
from tailrace.exports.closing import close_due
from tailrace.exports.run import run_export
from tailrace.ingest.seal import Sealer
from tailrace.ingest.sealing import seal_round
from tailrace.ingest.troubles import Troubles
from tailrace.jobs.bell import Bell
from tailrace.jobs.listening import Listener
from tailrace.jobs.queue import claim
from tailrace.logs import log
from tailrace.model.errors import Unavailable
from tailrace.upkeep.run import run_upkeep
from tailrace.upkeep.sweep import Sweeper
from tailrace.wiring import House, ensure_upkeep

_FALLBACK_S = 0.5  # how often to look for jobs that another process made, or whose time has come
_FALLBACK_HEARD_S = 2.0  # the same where another process's jobs are heard of
_CLOSING_S = 1  # how often to look for bundles that are due
_UPKEEP_S = 5  # how often to look whether a sweep is due


class Worker:
    """Threads that work on a house while its block runs: each lane has its own, so that none waits for another.

    Leaving it gives exports back at their next slice; a worker takes them on from there.
    """

    def __init__(self, house: House, bell: Bell, exporters: int) -> None:
        self._house = house
        self._bell = bell
        self._stop = threading.Event()
        self._held = ExitStack()
        self._courier = house.courier()
        couriers = house.settings.delivery.running if exporters else 0
        targets: list[Callable[[], None]] = [self._seal, self._close, self._upkeep, *[self._export] * exporters]
        targets += [self._deliver] * couriers
        self._threads = [threading.Thread(target=self._guard, args=(t,), name=t.__name__, daemon=True) for t in targets]

    def __enter__(self) -> "Worker":
        map_large_buffers()
        self._runner = self._held.enter_context(self._house.runner())  # one pool for all exports
        if not self._house.database.sqlite:
            self._held.enter_context(Listener(self._house.settings.database, self._bell))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._runner.closing.set()
        self._courier.closing.set()
        self._bell.ring()
        for thread in self._threads:
            thread.join()
        self._held.close()

    @property
    def alive(self) -> bool:
        """Whether all its threads run."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def output(self) -> Output:
        """What exports that succeeded here hold."""
        return self._runner.output

    def _guard(self, loop: Callable[[], None]) -> None:
        """Run a loop again after whatever it stumbled over: a worker must not die silently."""
        while not self._stop.is_set():
            try:
                loop()
            except Unavailable as error:
                log.warning("worker.waiting", why=error.why)
            except Exception:
                log.exception("worker.error", loop=loop.__name__)
            self._stop.wait(_FALLBACK_S)

    def _seal(self) -> None:
        sealer = self._house.sealer()
        troubles = Troubles(sealer.clock)
        interval = self._house.settings.seal.interval_ms / 1000
        pause = interval
        while not self._stop.wait(pause):
            began = time.monotonic()
            more = self._seal_round(sealer, troubles)
            # What arrives meanwhile waits for its turn: a seal costs as much for little as for some thousand records.
            pause = 0 if more else max(0, interval - (time.monotonic() - began))

    def _seal_round(self, sealer: Sealer, troubles: Troubles) -> bool:
        """Seal a stretch of each shard that has work; whether one of them left something that was there before."""
        more = sealed = False
        for step in seal_round(sealer, all_scopes(self._house.database), self._house.holder, troubles):
            more |= step.sealed.more
            sealed |= step.sealed.events > 0
            if step.sealed.events:
                log.info("seal.committed", app=step.scope.app_id, seq=step.sealed.seq, events=step.sealed.events)
            if self._stop.is_set():
                break
        if sealed:
            give_back_memory()
        return more

    def _close(self) -> None:
        closer = self._house.closer()
        while not self._stop.is_set():
            close_due(closer, self._bell)
            self._stop.wait(_CLOSING_S)

    def _upkeep(self) -> None:
        ensure_upkeep(self._house)
        sweeper = self._house.sweeper()
        while not self._stop.is_set():
            if not self._upkeep_one(sweeper):
                self._stop.wait(min(_UPKEEP_S, sweeper.settings.interval_ms / 1000))

    def _upkeep_one(self, sweeper: Sweeper) -> bool:
        job = claim(self._house.database, "upkeep", self._house.holder, sweeper.settings.lease_ms)
        if job is None:
            return False
        run_upkeep(sweeper, job, scope_of_number(self._house.database, job.space, job.app), self._stop)
        return True

    def _export(self) -> None:
        runner = self._runner
        runner.maker.pool.warm()
        fallback_s = _FALLBACK_S if self._house.database.sqlite else _FALLBACK_HEARD_S
        heard = 0
        while not self._stop.is_set():
            if not self._export_one(runner):
                heard = self._bell.wait(heard, fallback_s)

    def _export_one(self, runner: Runner) -> bool:
        holder = f"{self._house.holder}:{threading.get_ident()}"
        job = claim(self._house.database, "export", holder, runner.lease_ms)
        if job is None:
            return False
        run_export(runner, job)
        self._bell.ring()  # it may have left something to deliver
        return True

    def _deliver(self) -> None:
        fallback_s = _FALLBACK_S if self._house.database.sqlite else _FALLBACK_HEARD_S
        heard = 0
        while not self._stop.is_set():
            if not self._deliver_one(self._courier):
                heard = self._bell.wait(heard, fallback_s)

    def _deliver_one(self, courier: Courier) -> bool:
        holder = f"{self._house.holder}:{threading.get_ident()}"
        job = claim(self._house.database, "delivery", holder, courier.settings.delivery.lease_ms)
        if job is None:
            return False
        run_delivery(courier, job, scope_of_number(self._house.database, job.space, job.app))
        return True
