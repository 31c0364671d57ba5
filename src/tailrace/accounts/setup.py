"""First start: a link that works once and makes the first admin. No default password exists."""

from sqlalchemy import Connection, delete, insert, select

from tailrace.accounts.audit import Actor, note
from tailrace.accounts.chosen import check_email, check_id, check_password
from tailrace.accounts.keys import hash_password, new_token, same, token_hash
from tailrace.accounts.store import Identity
from tailrace.accounts.users import insert_user
from tailrace.db.engine import Database
from tailrace.db.tables import spaces, store, users
from tailrace.db.upserts import insert_into
from tailrace.model.clock import DAY
from tailrace.model.errors import SetupRefused
from tailrace.model.ids import numbered

FIRST_SPACE = "main"
LIFE_MS = DAY
_KEY = "setup"  # of the row of `store` that holds the link's hash and its end


def new_setup(database: Database, identity: Identity) -> str | None:
    """The token of a new set-up link, which makes void the one before; None if there is an admin."""
    token = new_token().replace("tok_", "setup_")
    with database.write() as connection:
        if _has_admin(connection):
            return None
        kept = f"{token_hash(identity.secret, token).hex()} {database.now(connection) + LIFE_MS}"
        connection.execute(delete(store).where(store.c.key == _KEY))
        connection.execute(insert(store).values(key=_KEY, value=kept))
    return token


def check_setup(database: Database, identity: Identity, token: str) -> None:
    """Make sure that a link works.

    Raises:
        SetupRefused: it does not.
    """
    with database.read() as connection:
        _kept(connection, identity, token, database.now(connection))


def complete_setup(
    database: Database, identity: Identity, token: str, email: str, password: str, space: str, address: str
) -> str:
    """Make the first admin, in a space that is made unless it is there; the public id of the user. The link is used up.

    Raises:
        SetupRefused: the link does not work, or somebody was faster.
        Invalid: a value cannot be; the link is as good as before.
    """
    check_setup(database, identity, token)  # before anything is said of the rest
    email, password = check_email(email), check_password(password)
    check_id("space", space)
    hashed = hash_password(password)
    with database.write() as connection:
        now = database.now(connection)
        kept = _kept(connection, identity, token, now)
        used = connection.execute(delete(store).where(store.c.key == _KEY, store.c.value == kept))
        if used.rowcount != 1 or _has_admin(connection):
            raise SetupRefused
        connection.execute(insert_into(connection, spaces).values(id=space).on_conflict_do_nothing())
        number = connection.execute(select(spaces.c.number).where(spaces.c.id == space)).scalar_one()
        user = insert_user(connection, number, email, now, role="admin", password_hash=hashed)
        note(connection, Actor(number, email, address, user), "setup.done", numbered("usr", user), now)
    return numbered("usr", user)


def _kept(connection: Connection, identity: Identity, token: str, now: int) -> str:
    """What is kept of a link that works."""
    kept: str | None = connection.scalar(select(store.c.value).where(store.c.key == _KEY))
    hashed, _, ends = (kept or " 0").partition(" ")
    if kept is None or not same(hashed, token_hash(identity.secret, token).hex()) or now >= int(ends):
        raise SetupRefused
    if _has_admin(connection):
        raise SetupRefused
    return kept


def _has_admin(connection: Connection) -> bool:
    """Whether anybody can run the server. An older release's one-time login that nobody used is nobody."""
    enabled = select(users.c.number).where(users.c.role == "admin", users.c.disabled_at.is_(None))
    return connection.scalar(enabled.where(users.c.one_time.is_(False)).limit(1)) is not None
