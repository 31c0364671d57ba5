"""Driving seals: which shards have work, and all of an app's shards to the end of their inbox."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select

from tailrace.db.tables import inbox_heads, owned, shards
from tailrace.ingest.seal import Sealed, Sealer, seal_shard
from tailrace.jobs.heartbeat import heartbeat
from tailrace.model.access import Scope
from tailrace.model.errors import Unavailable
from tailrace.model.shards import Shard
from tailrace.store.shards import acquire, release, renew, shards_of

_PATIENCE_S = 90  # longer than a lease: a worker that died cannot hold a shard for ever


@dataclass(frozen=True, slots=True)
class Step:
    """One seal of one shard, as progress."""

    scope: Scope
    shard: Shard
    sealed: Sealed


def shards_with_work(sealer: Sealer, scope: Scope) -> list[Shard]:
    """Shards whose inbox has something new, or in which a session has become complete."""
    with sealer.database.read() as connection:
        rows = connection.execute(select(shards).where(owned(shards, scope)).order_by(shards.c.shard)).all()
    with sealer.database.read_inbox() as connection:
        heads = {
            row.shard: row.position for row in connection.execute(select(inbox_heads).where(owned(inbox_heads, scope)))
        }
    now = sealer.clock.now()
    return [
        Shard(row.shard, row.bits, row.prefix)
        for row in rows
        if heads.get(row.shard, 0) > row.position or (row.due_at is not None and row.due_at <= now)
    ]


def seal_due(
    sealer: Sealer,
    scopes: Sequence[Scope],
    holder: str,
    failed: Callable[[Scope, Shard, Exception], None] | None = None,
) -> Iterator[Step]:
    """Seal what is due now. A shard that another process holds is left to it.

    With `failed` a shard that cannot be sealed is reported there and does not keep the others from being sealed.
    """
    for scope in scopes:
        for shard in shards_with_work(sealer, scope):
            try:
                yield from _seal_to_end(sealer, scope, shard, holder, close_all=False)
            except Exception as error:
                if failed is None:
                    raise
                failed(scope, shard, error)


def seal_everything(
    sealer: Sealer,
    scopes: Sequence[Scope],
    holder: str,
    *,
    close_all: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Step]:
    """Seal every shard to the end of its inbox, waiting for shards that another process holds.

    Raises:
        Unavailable: another process did not let go of a shard.
    """
    for scope in scopes:
        with sealer.database.read() as connection:
            every = shards_of(connection, scope)
        for shard in every:
            yield from _insist(sealer, scope, shard, holder, close_all, sleep)


def _insist(
    sealer: Sealer, scope: Scope, shard: Shard, holder: str, close_all: bool, sleep: Callable[[float], None]
) -> Iterator[Step]:
    for _ in range(_PATIENCE_S * 10):
        held = True
        for step in _seal_to_end(sealer, scope, shard, holder, close_all=close_all):
            held = False
            yield step
        if not held:
            return
        sleep(0.1)
    raise Unavailable(f"shard {shard.bucket} of {scope.app_id} is held by another process", _PATIENCE_S)


def _seal_to_end(sealer: Sealer, scope: Scope, shard: Shard, holder: str, *, close_all: bool) -> Iterator[Step]:
    """Seal stretch by stretch, each under a fresh lease; no step at all when another process holds the shard."""
    more = True
    while more:
        lease = acquire(sealer.database, scope, shard, holder, sealer.settings.lease_ms)
        if lease is None:
            return
        try:
            with heartbeat(partial(renew, sealer.database, lease, sealer.settings.lease_ms), sealer.settings.lease_ms):
                sealed = seal_shard(sealer, lease, close_all=close_all)
        finally:
            release(sealer.database, lease)
        yield Step(scope, shard, sealed)
        more = sealed.more
