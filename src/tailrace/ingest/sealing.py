"""Driving seals: which shards have work, and all of an app's shards to the end of their inbox."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest

from msgspec import Struct
from sqlalchemy import select

from tailrace.db.tables import inbox_heads, owned, shards
from tailrace.ingest.seal import Sealed, Sealer, seal_shard
from tailrace.ingest.troubles import Troubles
from tailrace.jobs.heartbeat import heartbeat
from tailrace.model.access import Scope
from tailrace.model.errors import Unavailable
from tailrace.model.shards import Shard
from tailrace.store.shards import acquire, release, renew, shards_of
from tailrace.traces import span

_PATIENCE_S = 90  # longer than a lease: a worker that died cannot hold a shard for ever


class Step(Struct, frozen=True):
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
        if heads.get(row.shard, 0) > row.position or _is_due(row.due_at, now, sealer.settings.inactivity_ms)
    ]


def _is_due(due_at: int | None, now: int, inactivity_ms: int) -> bool:
    """Whether a session is complete, be it by a clock that was set back since its last event (`Groups.complete`)."""
    return due_at is not None and not now < due_at < now + 2 * inactivity_ms


def seal_due(sealer: Sealer, scopes: Sequence[Scope], holder: str) -> Iterator[Step]:
    """Seal what is due now, in rounds. A shard that another process holds is left to it."""
    more = True
    while more:
        more = False
        for step in seal_round(sealer, scopes, holder):
            more |= step.sealed.more
            yield step


def seal_round(
    sealer: Sealer, scopes: Sequence[Scope], holder: str, troubles: Troubles | None = None
) -> Iterator[Step]:
    """Seal one stretch of each shard that has work, so that the backlog of one keeps no other waiting for long.

    With `troubles` a shard that cannot be sealed is noted there and left alone for a while; without, its error ends
    the round.
    """
    for scope, shard in _places(sealer, scopes, troubles):
        sealed = _stretch_or_trouble(sealer, scope, shard, holder, troubles)
        if sealed is not None:
            yield Step(scope, shard, sealed)


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
        sealed = _stretch(sealer, scope, shard, holder, close_all=close_all)
        if sealed is None:
            return
        yield Step(scope, shard, sealed)
        more = sealed.more


def _places(sealer: Sealer, scopes: Sequence[Scope], troubles: Troubles | None) -> Iterator[tuple[Scope, Shard]]:
    """Shards with work, first one of each space, then the second of each, and so on."""
    spaces: dict[int, list[tuple[Scope, Shard]]] = {}
    for scope in scopes:
        for shard in shards_with_work(sealer, scope):
            if troubles is None or not troubles.rests(scope, shard):
                spaces.setdefault(scope.space, []).append((scope, shard))
    for rank in zip_longest(*spaces.values()):
        yield from (place for place in rank if place is not None)


def _stretch_or_trouble(
    sealer: Sealer, scope: Scope, shard: Shard, holder: str, troubles: Troubles | None
) -> Sealed | None:
    if troubles is None:
        return _stretch(sealer, scope, shard, holder)
    try:
        sealed = _stretch(sealer, scope, shard, holder)
    except Exception as error:
        troubles.failed(scope, shard, error)
        return None
    troubles.well(scope, shard)
    return sealed


def _stretch(sealer: Sealer, scope: Scope, shard: Shard, holder: str, *, close_all: bool = False) -> Sealed | None:
    """Seal one stretch of a shard's inbox under a lease; None when another process holds the shard."""
    lease = acquire(sealer.database, scope, shard, holder, sealer.settings.lease_ms)
    if lease is None:
        return None
    try:
        about: dict[str, str | int] = {"tailrace.app": scope.app_id, "tailrace.shard": shard.number}
        renewed = partial(renew, sealer.database, lease, sealer.settings.lease_ms)
        with span("seal", about), heartbeat(renewed, sealer.settings.lease_ms):
            return seal_shard(sealer, lease, close_all=close_all)
    finally:
        release(sealer.database, lease)
