"""The worker: seals what is due and runs exports, until it is told to stop."""

import threading
from collections.abc import Callable

import structlog

from tailrace.accounts.lookup import all_scopes
from tailrace.exports.run import Runner, run_export
from tailrace.ingest.sealing import seal_due
from tailrace.jobs.bell import Bell
from tailrace.jobs.queue import claim
from tailrace.model.access import Scope
from tailrace.model.errors import FenceLost, Unavailable
from tailrace.model.shards import Shard
from tailrace.wiring import House

log = structlog.get_logger()
_FALLBACK_S = 0.5  # how often to look for jobs that another process made


class Worker:
    """Threads that work on a house while its block runs; leaving it lets what is running finish."""

    def __init__(self, house: House, bell: Bell, exporters: int) -> None:
        self._house = house
        self._bell = bell
        self._stop = threading.Event()
        targets: list[Callable[[], None]] = [self._seal, *[self._export] * exporters]
        self._threads = [threading.Thread(target=self._guard, args=(t,), name=t.__name__, daemon=True) for t in targets]

    def __enter__(self) -> "Worker":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._bell.ring()
        for thread in self._threads:
            thread.join()

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
        house, sealer = self._house, self._house.sealer()
        while not self._stop.wait(house.settings.seal.interval_ms / 1000):
            for step in seal_due(sealer, all_scopes(house.database), house.holder, self._not_sealed):
                if step.sealed.events:
                    log.info("seal.committed", app=step.scope.app_id, seq=step.sealed.seq, events=step.sealed.events)

    def _not_sealed(self, scope: Scope, shard: Shard, error: Exception) -> None:
        """One shard in trouble is looked at again with the next round; the others are sealed meanwhile."""
        if isinstance(error, FenceLost):
            log.warning("seal.taken_over", what=error.what)
        else:
            log.error("seal.failed", app=scope.app_id, shard=shard.bucket, exc_info=error)

    def _export(self) -> None:
        with self._house.runner() as runner:
            heard = 0
            while not self._stop.is_set():
                if not self._export_one(runner):
                    heard = self._bell.wait(heard, _FALLBACK_S)

    def _export_one(self, runner: Runner) -> bool:
        holder = f"{self._house.holder}:{threading.get_ident()}"
        job = claim(self._house.database, "export", holder, runner.lease_ms)
        if job is None:
            return False
        run_export(runner, job)
        return True
