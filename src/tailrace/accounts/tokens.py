"""Tokens: made, shown once, known afterwards only by their hashes."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, and_, or_, select, update

from tailrace.accounts.audit import Actor, note
from tailrace.accounts.lookup import alive
from tailrace.accounts.rights import check_token, check_user, grant_apps, grant_scopes, packed, texts
from tailrace.accounts.token_rows import BEARERS, OTHERS, NewToken, Token, joined, new_row, token_of, token_row, visible
from tailrace.db.engine import Database
from tailrace.db.tables import tokens, users
from tailrace.model.access import EVERYTHING, Principal, scopes_of
from tailrace.model.errors import AboveYou, Invalid, NotFound
from tailrace.model.ids import numbered


class WantedToken(Struct, frozen=True):
    """A token to be made, for `user` or the maker. It ends at an instant, after a time (both ms), or never."""

    name: str = ""
    scopes: Sequence[str] = (EVERYTHING,)
    apps: Sequence[str] = (EVERYTHING,)
    user: int | None = None
    expires_at: int | None = None
    expires_in: int | None = None


def make_token(database: Database, secret: str, principal: Principal, wanted: WantedToken, actor: Actor) -> NewToken:
    """Make a token that can no more than its maker, nor lives longer than the token that asks for it.

    Raises:
        Invalid: a scope or an app is unknown, or its end has passed.
        AboveYou: the maker lacks a right, or lives shorter.
        NotFound: there is no such user, or it is not the caller's to know of.
    """
    with database.write() as connection:
        now = database.now(connection)
        owner = _owner(connection, principal, wanted.user)
        row = {
            "space": principal.space,
            "user": owner.number,
            "name": wanted.name,
            "scopes": packed(grant_scopes(principal, wanted.scopes)),
            "apps": packed(grant_apps(connection, principal, wanted.apps)),
            "created_at": now,
            "expires_at": _end(connection, principal, wanted, now),
        }
        made = new_row(connection, secret, row)
        note(connection, actor, "token.made", numbered("tkn", made.token.number), now, _told(made.token))
    return made


def refresh_token(
    database: Database, secret: str, principal: Principal, number: int, grace_ms: int, actor: Actor
) -> NewToken:
    """A new token in the place of an old one, with its name, rights and length of life; the old one ends after a grace.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
        Invalid: it does not work any more, or is the one token of its user.
        AboveYou: it can more than the caller, and is not the caller's very token.
    """
    with database.write() as connection:
        now = database.now(connection)
        old = token_row(connection, principal, number, lock=True)
        _check_refresh(principal, old, now)
        keys = ("space", "user", "kind", "name", "scopes", "apps")
        row = {key: getattr(old, key) for key in keys} | {"created_at": now}
        row["expires_at"] = None if old.expires_at is None else now + old.expires_at - old.created_at
        ends = {"revoked_at": now} if grace_ms == 0 else {"expires_at": min(now + grace_ms, old.expires_at or 1 << 62)}
        connection.execute(update(tokens).where(tokens.c.number == number).values(ends))
        made = new_row(connection, secret, row)
        became = {"of": old.email, "became": numbered("tkn", made.token.number)}
        note(connection, actor, "token.refreshed", numbered("tkn", number), now, became)
    return made


def revoke_token(database: Database, principal: Principal, number: int, actor: Actor) -> Token:
    """End a token at once; one that has ended stays as it is.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    with database.write() as connection:
        now = database.now(connection)
        row = token_row(connection, principal, number, lock=True)
        if row.revoked_at is None:
            connection.execute(update(tokens).where(tokens.c.number == number).values(revoked_at=now))
            note(connection, actor, "token.revoked", numbered("tkn", number), now, {"of": row.email})
        return token_of(token_row(connection, principal, number))


def reset_user_token(database: Database, secret: str, principal: Principal, user: int | None, actor: Actor) -> NewToken:
    """Make or replace the one token of the caller, or of a user; the one before ends at once.

    Raises:
        NotFound: there is no such user, or it is not the caller's to know of.
        AboveYou: the user can more than the caller's token.
    """
    with database.write() as connection:
        now = database.now(connection)
        owner = _owner(connection, principal, user)
        check_user(principal, owner.role, texts(owner.apps), texts(owner.withheld))
        old = and_(tokens.c.user == owner.number, tokens.c.kind == "user", tokens.c.revoked_at.is_(None))
        connection.execute(update(tokens).where(old).values(revoked_at=now))
        row = {"space": owner.space, "user": owner.number, "kind": "user", "created_at": now}
        rights = {"scopes": packed(grant_scopes(principal, (EVERYTHING,))), "apps": packed((EVERYTHING,))}
        made = new_row(connection, secret, row | rights)
        note(connection, actor, "token.reset", numbered("usr", owner.number), now, {"of": owner.email})
    return made


def find_token(database: Database, principal: Principal, number: int) -> Token:
    """A token of the caller, or with `users.write` of anybody in the space.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    with database.read() as connection:
        return token_of(token_row(connection, principal, number))


def list_tokens(
    database: Database, principal: Principal, *, user: int | None, ended: bool, before: int | None, most: int
) -> list[Token]:
    """Tokens that the caller has a say in, newest first: of one user, or all; with `ended` those too that ended."""
    conditions = [visible(principal)]
    if user is not None:
        conditions.append(tokens.c.user == user)
    if before is not None:
        conditions.append(tokens.c.number < before)
    with database.read() as connection:
        if not ended:
            lasting = or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > database.now(connection))
            conditions += [tokens.c.revoked_at.is_(None), lasting]
        query = joined().where(*conditions).order_by(tokens.c.number.desc()).limit(most)
        return [token_of(row) for row in connection.execute(query)]


def user_token(database: Database, principal: Principal) -> Token | None:
    """The one token of the caller, if there is one."""
    mine = and_(tokens.c.user == principal.user, tokens.c.kind == "user", tokens.c.revoked_at.is_(None))
    with database.read() as connection:
        row = connection.execute(joined().where(tokens.c.space == principal.space, mine)).first()
    return None if row is None else token_of(row)


def _check_refresh(principal: Principal, old: "Row[Any]", now: int) -> None:
    if not alive(old, now):
        raise Invalid("id", "this token does not work any more; make a new one")
    if old.kind == "user":
        raise Invalid("id", "this is the one token of its user; reset it with POST /v1/me/token:reset")
    if old.number != principal.token:
        scopes = scopes_of(old.role, texts(old.scopes), texts(old.withheld))
        check_token(principal, scopes, texts(old.apps), texts(old.granted))


def _end(connection: Connection, principal: Principal, wanted: WantedToken, now: int) -> int | None:
    """When a new token ends. One that is to last as long as possible ends with the token that asks for it."""
    end = now + wanted.expires_in if wanted.expires_in is not None else wanted.expires_at
    if end is not None and end <= now:
        raise Invalid("expires_at", "has passed already")
    mine = and_(tokens.c.number == principal.token, tokens.c.kind.in_(BEARERS))
    most: int | None = connection.scalar(select(tokens.c.expires_at).where(mine))
    if end is not None and most is not None and end > most:
        raise AboveYou("a life beyond that of your token")
    return most if end is None else end


def _owner(connection: Connection, principal: Principal, user: int | None) -> "Row[Any]":
    """The caller, or another user for whoever has a say in those; locked, so that each gets one token at a time."""
    number = principal.user if user is None else user
    mine = and_(users.c.space == principal.space, users.c.number == number)
    row = connection.execute(select(users).where(mine).with_for_update()).first()
    if row is None or (number != principal.user and not principal.may(OTHERS)):
        raise NotFound("user", numbered("usr", number))
    return row


def _told(token: Token) -> dict[str, object]:
    return {"of": token.who, "name": token.name, "scopes": token.scopes, "apps": token.apps}
