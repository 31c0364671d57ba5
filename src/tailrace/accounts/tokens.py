"""Tokens: made, shown once, known afterwards only by their hash."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, and_, insert, select, update

from tailrace.accounts.keys import new_token, token_hash
from tailrace.accounts.lookup import user_of_login
from tailrace.db.engine import Database
from tailrace.db.tables import tokens, users
from tailrace.model.access import EVERYTHING
from tailrace.model.errors import Invalid, Unauthorized


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a token: "made", "changed" or None; and its text if it was generated here."""

    what: str | None
    generated: str | None


def put_token(
    connection: Connection, secret: str, *, space: int, user: int, value: str | None, scopes: Sequence[str],
    apps: Sequence[str], now: int,
) -> Put:  # fmt: skip
    """Make a token, or give a known one these rights.

    Without a value nothing is made when the user has a token with the same rights already.

    Raises:
        Invalid: another space has this token.
    """
    rights = {
        "scopes": msgspec.json.encode(list(scopes)).decode(),
        "apps": msgspec.json.encode(list(apps)).decode(),
    }
    if value is None and _has_token(connection, user, rights):
        return Put(None, None)
    text = value or new_token()
    hashed = token_hash(secret, text)
    known = connection.execute(select(tokens).where(tokens.c.hash == hashed)).first()
    if known is None:
        row = {"space": space, "user": user, "hash": hashed, "created_at": now} | rights
        connection.execute(insert(tokens).values(row))
        return Put("made", None if value else text)
    if known.space != space:
        raise Invalid("tokens.value", "another space has this token")
    if (known.user, known.scopes, known.apps) == (user, rights["scopes"], rights["apps"]):
        return Put(None, None)
    connection.execute(update(tokens).where(tokens.c.number == known.number).values(user=user, **rights))
    return Put("changed", None)


def token_for_login(database: Database, secret: str, email: str, password: str) -> str:
    """A new token with every right of its space, for a login; a one-time login is used up by it.

    Raises:
        Unauthorized: the login is wrong, used up, or not an admin's.
    """
    user = user_of_login(database, email, password)
    if user.role != "admin":
        raise Unauthorized
    with database.write() as connection:
        if user.one_time:
            used = connection.execute(
                update(users)
                .where(users.c.number == user.number, users.c.one_time)
                .values(one_time=False, password_hash=None)
            )
            if used.rowcount != 1:
                raise Unauthorized
        text = new_token()
        put_token(
            connection, secret, space=user.space, user=user.number, value=text, scopes=(EVERYTHING,),
            apps=(EVERYTHING,), now=database.now(connection),
        )  # fmt: skip
    return text


def _has_token(connection: Connection, user: int, rights: dict[str, str]) -> bool:
    same = and_(tokens.c.user == user, tokens.c.scopes == rights["scopes"], tokens.c.apps == rights["apps"])
    return connection.scalar(select(tokens.c.number).where(same)) is not None
