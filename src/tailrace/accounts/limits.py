"""Policy values as rows; a value that was never set has its default."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from tailrace.db.tables import limits, token_limits
from tailrace.model.policy import LIMITS


def limit(connection: Connection, name: str) -> int:
    """The value that holds for a policy of `LIMITS`."""
    found = connection.scalar(select(limits.c.value).where(limits.c.name == name))
    return LIMITS[name].default if found is None else found


def limit_of_token(connection: Connection, name: str, token: int) -> int:
    """The value of a policy that holds for a token: its own, else that of everybody."""
    mine = token_limits.c.token == token, token_limits.c.name == name
    found = connection.scalar(select(token_limits.c.value).where(*mine))
    return limit(connection, name) if found is None else found


def set_token_limits(connection: Connection, token: int, values: Mapping[str, int]) -> list[str]:
    """Give a token the values of its own that it is to have, and no others; the names of those that changed."""
    rows = connection.execute(select(token_limits).where(token_limits.c.token == token))
    before = {row.name: row.value for row in rows}
    connection.execute(delete(token_limits).where(token_limits.c.token == token))
    if values:
        named = [{"token": token, "name": name, "value": value} for name, value in values.items()]
        connection.execute(insert(token_limits), named)
    return sorted(name for name in before.keys() | values.keys() if before.get(name) != values.get(name))


def limits_now(connection: Connection) -> Mapping[str, int]:
    """The values that hold for all policies of `LIMITS`, read together."""
    found = {row.name: row.value for row in connection.execute(select(limits))}
    return {name: found.get(name, policy.default) for name, policy in LIMITS.items()}


def set_limits(connection: Connection, values: Mapping[str, int]) -> list[str]:
    """Set policies that `check_limit` has checked; the names of those that changed."""
    before = {row.name: row.value for row in connection.execute(select(limits))}
    changed = {name: value for name, value in values.items() if before.get(name) != value}
    for name, value in changed.items():
        connection.execute(delete(limits).where(limits.c.name == name))
        connection.execute(insert(limits).values(name=name, value=value))
    return list(changed)
