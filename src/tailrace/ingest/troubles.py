"""Shards that could not be sealed: each is left alone for a while, longer with each failure in a row."""

from msgspec import Struct

from tailrace.jobs.retry import OUTAGE, Rule, delay_ms, explain, rule_for
from tailrace.logs import log
from tailrace.model.access import Scope
from tailrace.model.clock import MINUTE, SECOND, Clock, iso
from tailrace.model.errors import FenceLost
from tailrace.model.shards import Shard

# A shard is never given up: what was accepted must come out. Nobody needs to read of it every second, though.
POISON = Rule(SECOND, 5 * MINUTE, None, counts=True)


class _Trouble(Struct, frozen=True):
    failures: int
    since: int
    until: int


class Troubles:
    """Which shards failed how often in a row, and when they are tried again; kept as long as the process lives."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[int, int], _Trouble] = {}

    def rests(self, scope: Scope, shard: Shard) -> bool:
        """Whether a shard is to be left alone now. A clock that was set back frees it."""
        trouble = self._known.get((scope.app, shard.number))
        return trouble is not None and trouble.since <= self._clock.now() < trouble.until

    def failed(self, scope: Scope, shard: Shard, error: Exception) -> None:
        """Note a failure, and say in the log what happened and when the shard is tried again."""
        if isinstance(error, FenceLost):  # another process seals it
            log.warning("seal.taken_over", what=error.what)
            return
        rule = OUTAGE if rule_for(error) is OUTAGE else POISON
        before = self._known.get((scope.app, shard.number))
        failures = before.failures + 1 if before else 1
        now = self._clock.now()
        until = now + delay_ms(rule, failures)
        self._known[scope.app, shard.number] = _Trouble(failures, now, until)
        log.error(
            "seal.failed",
            app=scope.app_id,
            shard=shard.bucket,
            why=explain(error),
            failures=failures,
            next_try=iso(until),
            exc_info=None if rule is OUTAGE else error,
        )

    def well(self, scope: Scope, shard: Shard) -> None:
        """Note that a shard was sealed."""
        self._known.pop((scope.app, shard.number), None)
