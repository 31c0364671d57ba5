"""Logins: from e-mail and password to a session, and its end."""

import ipaddress
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct
from sqlalchemy import Connection, Row, and_, select, update

from tailrace.accounts.audit import Actor, actor_of, note
from tailrace.accounts.keys import hash_password, password_fits
from tailrace.accounts.lockout import Strangers, count, forgive
from tailrace.accounts.lookup import principal_of_user
from tailrace.accounts.quotas import SERVER, take_of
from tailrace.accounts.token_rows import insert_login
from tailrace.db.engine import Database, storable
from tailrace.db.tables import spaces, tokens, users
from tailrace.model.access import Principal
from tailrace.model.errors import Locked, Unauthorized
from tailrace.model.ids import numbered

# Of each opened store. Its names are none of the store's, so no row remembers them.
_strangers: WeakKeyDictionary[Database, Strangers] = WeakKeyDictionary()


class Credentials(Struct, frozen=True):
    """What somebody shows: `space` is needed where several have the e-mail. `address` is where it comes from."""

    email: str
    password: str
    space: str | None = None
    address: str = ""


class Session(Struct, frozen=True):
    """A login: its text, which goes into a cookie, who it speaks for, and when it ends at the latest (ms)."""

    text: str
    principal: Principal
    expires_at: int


def principal_of_login(database: Database, shown: Credentials) -> Principal:
    """A user by e-mail and password, for one request.

    Raises:
        Unauthorized: no user, another password, or a user who is disabled. It takes as long whichever it was.
        Locked, TooSoon: too many passwords were tried, of the user or from the address.
    """
    user = _verified(database, shown)
    with database.write() as connection:
        return principal_of_user(_still(connection, user))


def sign_in(database: Database, secret: str, shown: Credentials, life_ms: int) -> Session:
    """Begin a session.

    Raises:
        Unauthorized, Locked, TooSoon: as `principal_of_login`.
    """
    user = _verified(database, shown)
    with database.write() as connection:
        now = database.now(connection)
        still = _still(connection, user)
        made = insert_login(connection, secret, still, now, now + life_ms)
        actor = Actor(still.space, still.email, shown.address, still.number, made.token.number)
        note(connection, actor, "login.succeeded", numbered("usr", still.number), now)
    return Session(made.text, principal_of_user(still), now + life_ms)


def sign_out(database: Database, principal: Principal, actor: Actor, *, everywhere: bool) -> int:
    """End the caller's session, or all of the caller's; how many have ended."""
    with database.write() as connection:
        now = database.now(connection)
        only = None if everywhere else principal.token
        ended = end_logins(connection, principal.user, now, only=only)
        subject = numbered("usr", principal.user)
        note(connection, actor, "login.ended", subject, now, {"everywhere": everywhere, "sessions": ended})
    return ended


def change_password(database: Database, principal: Principal, old: str, new: str) -> int:
    """Give the caller a new password, for the old one; how many other sessions have ended by it.

    Raises:
        Unauthorized: the old one is another.
        Locked, TooSoon: as `principal_of_login`.
    """
    with database.read() as connection:
        space = connection.scalar(select(spaces.c.id).where(spaces.c.number == principal.space))
    user = _verified(database, Credentials(principal.who, old, space, principal.address))
    hashed = hash_password(new)
    with database.write() as connection:
        now = database.now(connection)
        still = _still(connection, user)
        connection.execute(update(users).where(users.c.number == still.number).values(password_hash=hashed))
        ended = end_logins(connection, still.number, now, but=principal.token)
        told = numbered("usr", still.number)
        note(connection, actor_of(principal), "password.changed", told, now, {"of": still.email})
    return ended


def end_logins(connection: Connection, user: int, now: int, *, only: int | None = None, but: int | None = None) -> int:
    """End the sessions of a user, one of them, or all but one; how many have ended."""
    theirs = and_(tokens.c.user == user, tokens.c.kind == "login", tokens.c.revoked_at.is_(None))
    query = update(tokens).where(theirs).values(revoked_at=now)
    if only is not None:
        query = query.where(tokens.c.number == only)
    if but is not None:
        query = query.where(tokens.c.number != but)
    return connection.execute(query).rowcount


def source(address: str) -> str:
    """Who an address is for the count of tries: itself, or the network of 64 bits that one customer gets in IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def _verified(database: Database, shown: Credentials) -> "Row[Any]":
    """The user whose password it is. The try is counted first, and looked at outside of any transaction."""
    user = _counted(database, shown)
    usable = user is not None and user.disabled_at is None and not user.one_time
    if not password_fits(user.password_hash if user is not None and usable else None, shown.password):
        if user is not None:
            _note_failure(database, user, shown.address)
        raise Unauthorized
    if user is None:  # cannot be: what nobody has fits nothing
        raise Unauthorized
    return user


def _counted(database: Database, shown: Credentials) -> "Row[Any] | None":
    """The user with an e-mail, or nobody; the try counts for the address and the name."""
    locked: Locked | None = None
    with database.write() as connection:
        now = database.now(connection)
        take_of(connection, SERVER, "logins", source(shown.address), now)
        user = _candidate(connection, shown)
        try:
            if user is not None:
                count(connection, user, now)
            else:
                _strangers.setdefault(database, Strangers()).count((shown.space or "", shown.email), now)
        except Locked as error:  # the address has tried all the same
            locked = error
    if locked is not None:
        raise locked
    return user


def _candidate(connection: Connection, shown: Credentials) -> "Row[Any] | None":
    """One user at most, so that every try costs one password's work."""
    if not storable(shown.email) or not storable(shown.space or "-"):
        return None
    query = select(users).join(spaces, spaces.c.number == users.c.space).where(users.c.email == shown.email)
    if shown.space is not None:
        query = query.where(spaces.c.id == shown.space)
    return connection.execute(query.order_by(users.c.space).limit(1)).first()


def _still(connection: Connection, user: "Row[Any]") -> "Row[Any]":
    """The user as he is now, whose password was right when it was looked at. His tries are forgiven.

    Raises:
        Unauthorized: meanwhile he was disabled, or has another password.
    """
    row = connection.execute(select(users).where(users.c.number == user.number).with_for_update()).one()
    if row.disabled_at is not None or row.password_hash != user.password_hash:
        raise Unauthorized
    forgive(connection, row.number)
    return row


def _note_failure(database: Database, user: "Row[Any]", address: str) -> None:
    with database.write() as connection:
        actor = Actor(user.space, user.email, address, user.number)
        note(connection, actor, "login.failed", numbered("usr", user.number), database.now(connection))
