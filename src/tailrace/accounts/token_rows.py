"""Tokens as rows: kept by their hashes, read together with their owners."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, and_, insert, or_, select, update

from tailrace.accounts.keys import hash_token, new_token, token_hash
from tailrace.accounts.rights import packed, texts
from tailrace.db.tables import tokens, users
from tailrace.model.access import EVERYTHING, Principal, TokenKind
from tailrace.model.errors import Invalid, NotFound
from tailrace.model.ids import numbered

# A session in a browser comes as a cookie and with a guard against forged requests, never as a bare token.
BEARERS: tuple[TokenKind, ...] = ("api", "user")
SESSIONS: tuple[TokenKind, ...] = ("login",)
OTHERS = "users.write"  # what it takes, besides `tokens.write`, to have a say in the tokens of others


class Put(Struct, frozen=True):
    """What became of a token: "made", "changed" or None; and its text if it was generated here."""

    what: str | None
    generated: str | None


class Token(Struct, frozen=True):
    """A token as its row tells it: times in ms, scopes and apps as they were granted, `who` its owner's e-mail."""

    number: int
    user: int
    who: str
    kind: TokenKind
    name: str
    scopes: Sequence[str]
    apps: Sequence[str]
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    used_at: int | None


class NewToken(Struct, frozen=True):
    """A token and its text, which nobody can tell again."""

    token: Token
    text: str


def put_token(
    connection: Connection, secret: str, *, space: int, user: int, value: str | None, scopes: Sequence[str],
    apps: Sequence[str], now: int,
) -> Put:  # fmt: skip
    """Make a token, or give a known one these rights.

    Without a value nothing is made when the user has a token with the same rights already.

    Raises:
        Invalid: another space has this token.
    """
    rights = {"scopes": packed(scopes), "apps": packed(apps)}
    if value is None and _has_token(connection, user, rights, now):
        return Put(None, None)
    text = value or new_token()
    hashed = token_hash(secret, text)
    known = connection.execute(select(tokens).where(tokens.c.hash == hashed)).first()
    if known is None:
        insert_token(connection, secret, text, {"space": space, "user": user, "created_at": now} | rights)
        return Put("made", None if value else text)
    if known.space != space:
        raise Invalid("tokens.value", "another space has this token")
    if (known.user, known.scopes, known.apps) == (user, rights["scopes"], rights["apps"]):
        return Put(None, None)
    connection.execute(update(tokens).where(tokens.c.number == known.number).values(user=user, **rights))
    return Put("changed", None)


def insert_login(connection: Connection, secret: str, user: "Row[Any]", now: int, expires_at: int) -> NewToken:
    """A login session of a user, with every right of his."""
    row = {"space": user.space, "user": user.number, "kind": "login", "created_at": now, "expires_at": expires_at}
    return new_row(connection, secret, row | {"scopes": packed((EVERYTHING,)), "apps": packed((EVERYTHING,))})


def new_row(connection: Connection, secret: str, row: dict[str, Any]) -> NewToken:
    """A new token of a row without hashes."""
    text = new_token()
    number = insert_token(connection, secret, text, row)
    return NewToken(token_of(connection.execute(joined().where(tokens.c.number == number)).one()), text)


def insert_token(connection: Connection, secret: str, text: str, row: dict[str, Any]) -> int:
    """Keep a token by its hashes; its number."""
    hashes = {"hash": token_hash(secret, text), "verifier": hash_token(text)}
    return int(connection.scalar(insert(tokens).values(row | hashes).returning(tokens.c.number)) or 0)


def token_row(connection: Connection, principal: Principal, number: int, *, lock: bool = False) -> "Row[Any]":
    """A row that `joined` finds, of a token that the caller has a say in.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    query = joined().where(visible(principal), tokens.c.number == number)
    row = connection.execute(query.with_for_update(of=tokens) if lock else query).first()
    if row is None:
        raise NotFound("token", numbered("tkn", number))
    return row


def visible(principal: Principal) -> ColumnElement[bool]:
    """Tokens that a caller has a say in: its own, or with `users.write` all of the space; never sessions."""
    mine = and_(tokens.c.space == principal.space, tokens.c.kind.in_(BEARERS))
    return mine if principal.may(OTHERS) else and_(mine, tokens.c.user == principal.user)


def joined() -> Any:
    """Tokens with role, e-mail, apps (`granted`) and state of their owners."""
    owner = (users.c.role, users.c.email, users.c.apps.label("granted"), users.c.disabled_at, users.c.withheld)
    return select(tokens, *owner).join(users, users.c.number == tokens.c.user)


def token_of(row: "Row[Any]") -> Token:
    """A token of a row that `joined` finds."""
    return Token(
        number=row.number,
        user=row.user,
        who=row.email,
        kind=row.kind,
        name=row.name,
        scopes=texts(row.scopes),
        apps=texts(row.apps),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )


def _has_token(connection: Connection, user: int, rights: dict[str, str], now: int) -> bool:
    same = and_(tokens.c.user == user, tokens.c.scopes == rights["scopes"], tokens.c.apps == rights["apps"])
    lasting = or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now)
    works = and_(tokens.c.kind == "api", tokens.c.revoked_at.is_(None), lasting)
    return connection.scalar(select(tokens.c.number).where(same, works)) is not None
