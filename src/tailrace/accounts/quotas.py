"""Quotas and token buckets: rows that are changed in the caller's transaction, so they are exact across processes.

The row is locked from the first look to the end of the transaction; what is rolled back was never spent. Who and what
is counted stands in `subject`, at most 100 characters; the space is part of every key.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, Table, Update, bindparam, func, select, update

from tailrace.accounts.limits import limit, limits_of_token
from tailrace.db.tables import quota_buckets, quota_windows
from tailrace.db.upserts import insert_into
from tailrace.model.clock import DAY, MINUTE
from tailrace.model.errors import QuotaSpent, TooSoon
from tailrace.model.ids import numbered
from tailrace.model.zones import day_in, midnight

SERVER = 0  # the space of those who have none yet
TOKEN = MINUTE  # in such units a refill of one a minute is one a millisecond, so nothing is ever rounded

# Asked at each request that is counted: built once.
_KEY = ("space", "name", "subject")
_FIND: Mapping[Table, Select[Any]] = {
    table: select(table).where(*(table.c[name] == bindparam(name) for name in _KEY)).with_for_update()
    for table in (quota_buckets, quota_windows)
}
_CHANGE: Mapping[Table, Update] = {
    table: update(table).where(*(table.c[name] == bindparam(f"of_{name}") for name in _KEY)) for table in _FIND
}


class Window(Struct, frozen=True):
    """A stretch of time in which a quota holds (ms, half-open)."""

    began: int
    ends: int


class Level(Struct, frozen=True):
    """How full a bucket was at an instant (ms), in units of which a token has `TOKEN`."""

    level: int
    at: int


def utc_day(now: int) -> Window:
    """The day in UTC that holds an instant."""
    began = now - now % DAY
    return Window(began, began + DAY)


def local_day(now: int, zone: str) -> Window:
    """The day of a time zone that holds an instant; it may have 23 or 25 hours."""
    first, after = day_in(now, zone), day_in(now, zone) + timedelta(days=1)
    return Window(midnight(first, zone), midnight(after, zone))


def spend(connection: Connection, space: int, name: str, subject: str, most: int, window: Window, now: int) -> None:
    """Spend one of a quota; with `most` 0 there is none.

    Raises:
        QuotaSpent: it is used up; the transaction must not be committed with what was to be counted.
    """
    if most == 0:
        return
    row = _locked(connection, quota_windows, (space, name, subject), {"began": window.began, "used": 0})
    # Who waited for the lock over the end of a window counts on the next one; any other window is over, or was never.
    current = row.began in (window.began, window.ends)
    used = row.used if current else 0
    if used >= most:
        ends = row.began + window.ends - window.began
        raise QuotaSpent(name, most, now, ends)
    began = row.began if current else window.began
    _set(connection, quota_windows, (space, name, subject), {"began": began, "used": used + 1})


def hold_turns(connection: Connection, space: int, name: str, subject: str) -> int:
    """Keep others of a subject waiting until the transaction ends; when its last turn was (ms), 0 if it had none."""
    row = _locked(connection, quota_windows, (space, name, subject), {"began": 0, "used": 0})
    return int(row.began)


def take_turn(connection: Connection, space: int, name: str, subject: str, last: int, apart: int, now: int) -> None:
    """Take a turn that `hold_turns` has waited for, `apart` ms after the last one or later; with 0 at any time.

    Whoever waited for another's turn may have looked at the clock before that was taken: that is too early as well.

    Raises:
        QuotaSpent: it is too early; the limit that it names is `apart`.
    """
    if abs(now - last) < apart:
        raise QuotaSpent(name, apart, now, last + apart)
    _set(connection, quota_windows, (space, name, subject), {"began": now})


def take(connection: Connection, space: int, name: str, subject: str, burst: int, refill: int, now: int) -> Level:
    """Take a token out of a bucket of `burst` that gets `refill` a minute; with `burst` 0 there is none.

    What is left in it is returned.

    Raises:
        TooSoon: it is empty; it says for how many seconds.
    """
    if burst == 0:
        return Level(0, now)
    row = _locked(connection, quota_buckets, (space, name, subject), {"level": burst * TOKEN, "at": now})
    filled = refilled(Level(row.level, row.at), burst, refill, now)
    if filled.level < TOKEN:
        raise TooSoon(name, seconds_until(filled, refill))
    left = Level(filled.level - TOKEN, filled.at)
    _set(connection, quota_buckets, (space, name, subject), {"level": left.level, "at": left.at})
    return left


def take_of(connection: Connection, space: int, name: str, subject: str, now: int) -> None:
    """Take a token out of the bucket that the limits `NAME.burst` and `NAME.refill_per_minute` describe.

    Raises:
        TooSoon: as `take`.
    """
    burst, refill = limit(connection, f"{name}.burst"), limit(connection, f"{name}.refill_per_minute")
    take(connection, space, name, subject, burst, refill, now)


def take_of_token(connection: Connection, space: int, name: str, token: int, now: int) -> None:
    """The same out of the bucket of a token, by limits that it may have of its own.

    Raises:
        TooSoon: as `take`.
    """
    burst, refill = limits_of_token(connection, (f"{name}.burst", f"{name}.refill_per_minute"), token)
    take(connection, space, name, numbered("tkn", token), burst, refill, now)


def spend_export(connection: Connection, space: int, now: int) -> None:
    """Count an export of a space, by the limit ``exports.per_day``.

    Raises:
        QuotaSpent: as `spend`.
    """
    name = "exports.per_day"
    spend(connection, space, name, "", limit(connection, name), utc_day(now), now)


def spent_today(connection: Connection, space: int, now: int) -> Mapping[str, int]:
    """How much of each quota by the day a space has used: of one that users or apps have each, who has used most.

    A day began less than 24 hours ago, wherever it did: one of 25 hours is forgotten early, one of 23 an hour late.
    """
    mine = quota_windows.c.space == space, quota_windows.c.began.between(now - DAY + 1, now), quota_windows.c.used > 0
    most = select(quota_windows.c.name, func.max(quota_windows.c.used).label("used")).where(*mine)
    return {row.name: row.used for row in connection.execute(most.group_by(quota_windows.c.name))}


def refilled(bucket: Level, burst: int, refill: int, now: int) -> Level:
    """A bucket as it is now. A clock that was set back gives nothing, and makes nobody wait for its old time."""
    gained = max(0, now - bucket.at) * refill
    return Level(min(bucket.level + gained, burst * TOKEN), now)


def seconds_until(bucket: Level, refill: int) -> int:
    """Whole seconds until a bucket holds a token, at least 1; a day if nothing ever fills it."""
    if refill == 0:
        return DAY // 1000
    return max(1, -(-(TOKEN - bucket.level) // (refill * 1000)))


def _locked(connection: Connection, table: Table, key: tuple[int, str, str], fresh: dict[str, int]) -> Row[Any]:
    """The row of a key, made if it is missing, which nobody else changes until the transaction ends."""
    named, find = dict(zip(_KEY, key, strict=True)), _FIND[table]
    row = connection.execute(find, named).first()
    if row is None:
        connection.execute(insert_into(connection, table).values(named | fresh).on_conflict_do_nothing())
        row = connection.execute(find, named).one()
    return row


def _set(connection: Connection, table: Table, key: tuple[int, str, str], values: dict[str, int]) -> None:
    connection.execute(_CHANGE[table], {f"of_{name}": part for name, part in zip(_KEY, key, strict=True)} | values)
