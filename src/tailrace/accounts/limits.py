"""Policy values as rows; a value that was never set has its default."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, union_all

from tailrace.db.tables import limits, token_limits
from tailrace.model.policy import LIMITS

_NAMES: Any = bindparam("names", expanding=True)
_OF_TOKEN = union_all(
    select(token_limits.c.name, token_limits.c.value, literal(True)).where(
        token_limits.c.token == bindparam("token"), token_limits.c.name.in_(_NAMES)
    ),
    select(limits.c.name, limits.c.value, literal(False)).where(limits.c.name.in_(_NAMES)),
)


def limit(connection: Connection, name: str) -> int:
    """The value that holds for a policy of `LIMITS`."""
    found = connection.scalar(select(limits.c.value).where(limits.c.name == name))
    return LIMITS[name].default if found is None else found


def limit_column(name: str) -> Any:
    """The value of a policy as a column of another query, which need not ask for it apart."""
    found = select(limits.c.value).where(limits.c.name == name).scalar_subquery()
    return func.coalesce(found, LIMITS[name].default)


def limits_of_token(connection: Connection, names: Sequence[str], token: int) -> tuple[int, ...]:
    """The values of some policies that hold for a token, read together: its own, else those of everybody."""
    rows = connection.execute(_OF_TOKEN, {"token": token, "names": names})
    found = {(name, own): value for name, value, own in rows}
    return tuple(found.get((name, True), found.get((name, False), LIMITS[name].default)) for name in names)


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
