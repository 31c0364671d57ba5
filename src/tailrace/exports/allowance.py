"""What a user may ask for in a dialect that counts by users, decided in the transaction that keeps the request.

The row of a user's turns is locked first, so of two requests at once, in whichever processes, one sees the other.
"""

from sqlalchemy import Connection, func, select

from tailrace.accounts.quotas import hold_turns, spend, take_turn, utc_day
from tailrace.db.tables import export_numbers, exports, tokens
from tailrace.model.access import Principal
from tailrace.model.errors import TooManyRunning
from tailrace.model.export import FINAL_STATES
from tailrace.model.ids import numbered
from tailrace.model.policy import Policy


def allow(connection: Connection, principal: Principal, policy: Policy, now: int) -> None:
    """Count a request of a user: unfinished exports, then quotas by day, then the time since the last one.

    Raises:
        TooManyRunning: the user has as many unfinished exports as the policy lets a user have.
        QuotaSpent: a quota is used up, or it is too early; the limit is named.
    """
    if not (policy.max_running_of_user or policy.apart_ms or policy.quotas):
        return
    space, user, turns = principal.space, numbered("usr", principal.user), f"{policy.series}.apart_ms"
    last = hold_turns(connection, space, turns, user)
    _check_running(connection, principal, policy)
    for quota in policy.quotas:
        spend(connection, space, quota.name, user if quota.of == "user" else "", quota.most, utc_day(now), now)
    take_turn(connection, space, turns, user, last, policy.apart_ms, now)


def _check_running(connection: Connection, principal: Principal, policy: Policy) -> None:
    most = policy.max_running_of_user
    if most and _running(connection, principal, policy.series) >= most:
        raise TooManyRunning(most)


def _running(connection: Connection, principal: Principal, series: str) -> int:
    """Unfinished exports of a series that a user asked for, by whichever tokens."""
    query = select(func.count()).select_from(exports).join(export_numbers, export_numbers.c.export == exports.c.id)
    mine = exports.c.space == principal.space, tokens.c.user == principal.user
    unfinished = exports.c.state.not_in(FINAL_STATES), export_numbers.c.series == series
    query = query.join(tokens, tokens.c.number == exports.c.token).where(*mine, *unfinished)
    return connection.scalar(query) or 0
