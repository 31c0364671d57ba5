"""Users of a space: made, changed, disabled; never deleted, since the audit and exports name them."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, and_, select, update

from tailrace.accounts.audit import Actor, note
from tailrace.accounts.chosen import check_email, check_password
from tailrace.accounts.keys import hash_password
from tailrace.accounts.logins import end_logins
from tailrace.accounts.rights import check_user, grant_apps, packed, texts
from tailrace.db.engine import Database
from tailrace.db.tables import spaces, users
from tailrace.db.upserts import insert_into
from tailrace.model.access import EVERYTHING, WITHHELD, Principal, Role, UserKind, Withheld
from tailrace.model.errors import Invalid, LastAdmin, NotFound, Taken
from tailrace.model.ids import numbered


class User(Struct, frozen=True):
    """A user as the row tells it: times in ms, `apps` ids or ``*``; `password` says whether there is one. `withheld`
    are scopes that the role has and the user has not.
    """

    number: int
    space: str
    email: str
    role: Role
    kind: UserKind
    apps: Sequence[str]
    created_at: int
    disabled_at: int | None
    password: bool
    withheld: Sequence[Withheld] = ()


class WantedUser(Struct, frozen=True):
    """A user to be made."""

    email: str
    role: Role = "standard"
    kind: UserKind = "person"
    apps: Sequence[str] = (EVERYTHING,)
    password: str | None = None


class UserChange(Struct, frozen=True):
    """What is to be different; None leaves it as it is."""

    role: Role | None = None
    apps: Sequence[str] | None = None
    password: str | None = None
    disabled: bool | None = None
    withheld: Sequence[Withheld] | None = None


def list_users(database: Database, principal: Principal, *, before: int | None, most: int) -> list[User]:
    """Users of the caller's space, newest first."""
    query = _joined().where(users.c.space == principal.space)
    if before is not None:
        query = query.where(users.c.number < before)
    with database.read() as connection:
        return [_user(row) for row in connection.execute(query.order_by(users.c.number.desc()).limit(most))]


def find_user(database: Database, principal: Principal, number: int) -> User:
    """A user of the caller's space.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    with database.read() as connection:
        return _user(_row(connection, principal, number))


def make_user(database: Database, principal: Principal, wanted: WantedUser, actor: Actor) -> User:
    """Make a user who can no more than the caller.

    Raises:
        Invalid: a value cannot be.
        AboveYou: the user would be above the caller.
        Taken: the space has a user with this e-mail.
    """
    email, hashed = check_email(wanted.email), _hashed(wanted.password, wanted.kind)
    with database.write() as connection:
        now = database.now(connection)
        granted = grant_apps(connection, principal, wanted.apps)
        check_user(principal, wanted.role, granted)
        values = {"role": wanted.role, "kind": wanted.kind, "apps": packed(granted), "password_hash": hashed}
        number = insert_user(connection, principal.space, email, now, **values)
        told: dict[str, object] = {"email": email, "role": wanted.role, "kind": wanted.kind, "apps": granted}
        note(connection, actor, "user.made", numbered("usr", number), now, told)
        return _user(_row(connection, principal, number))


def change_user(database: Database, principal: Principal, number: int, change: UserChange, actor: Actor) -> User:
    """Change a user; neither before nor after may the user be above the caller.

    What is disabled stops at once, tokens and logins alike. A new password ends the user's logins, the caller's own
    excepted.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
        Invalid: a value cannot be.
        AboveYou: the user is above the caller, or would be.
        LastAdmin: the space would be left without an enabled admin.
    """
    found = find_user(database, principal, number)
    hashed = _hashed(change.password, found.kind)
    with database.write() as connection:
        now = database.now(connection)
        admins = _lock_admins(connection, principal.space)
        row = _row(connection, principal, number, lock=True)
        _check_above(principal, row.role, row.apps, row.withheld)
        values = _changed(connection, principal, row, change, now)
        _check_above(principal, values["role"], values["apps"], values["withheld"])
        if admins == [number] and (values["role"] != "admin" or values["disabled_at"] is not None):
            raise LastAdmin
        if hashed is not None:
            values |= {"password_hash": hashed, "one_time": False, "failures": 0, "locked_until": 0}
        connection.execute(update(users).where(users.c.number == number).values(values))
        if hashed is not None or values["disabled_at"] is not None:
            end_logins(connection, number, now, but=principal.token)
        _note_change(connection, actor, row, values, now)
        return _user(_row(connection, principal, number))


def insert_user(connection: Connection, space: int, email: str, now: int, **values: Any) -> int:
    """A new user; the number.

    Raises:
        Taken: the space has one with this e-mail.
    """
    row = {"space": space, "email": email, "created_at": now, "one_time": False} | values
    new = insert_into(connection, users).values(row).on_conflict_do_nothing().returning(users.c.number)
    number: int | None = connection.scalar(new)
    if number is None:
        raise Taken("email")
    return number


def _hashed(password: str | None, kind: UserKind) -> str | None:
    """A new password's hash, made before a transaction begins, since it takes long."""
    if password is None:
        return None
    if kind == "programmatic":
        raise Invalid("password", "a programmatic user has none; make a token for it")
    return hash_password(check_password(password))


def _check_above(principal: Principal, role: Role, apps: str, withheld: str) -> None:
    check_user(principal, role, texts(apps), texts(withheld))


def _changed(
    connection: Connection, principal: Principal, row: "Row[Any]", change: UserChange, now: int
) -> dict[str, Any]:
    """The columns as they will be."""
    disabled = row.disabled_at if change.disabled is None else (row.disabled_at or now) if change.disabled else None
    apps = row.apps if change.apps is None else packed(grant_apps(connection, principal, change.apps))
    withheld = row.withheld if change.withheld is None else packed(sorted(set(change.withheld)))
    return {"role": change.role or row.role, "apps": apps, "disabled_at": disabled, "withheld": withheld}


def _note_change(connection: Connection, actor: Actor, row: "Row[Any]", values: dict[str, Any], now: int) -> None:
    """What was changed, as it is now; that there is a new password, and not which."""
    subject, of = numbered("usr", row.number), row.email
    told = {key: values[key] for key in ("role", "apps", "withheld") if values[key] != getattr(row, key)}
    told |= {key: texts(told[key]) for key in ("apps", "withheld") if key in told}
    if "password_hash" in values:
        note(connection, actor, "password.changed", subject, now, {"of": of})
    if row.disabled_at is None and values["disabled_at"] is not None:
        note(connection, actor, "user.disabled", subject, now, {"of": of})
    elif row.disabled_at is not None and values["disabled_at"] is None:
        told["disabled"] = False
    if told:
        note(connection, actor, "user.changed", subject, now, {"of": of} | told)


def _lock_admins(connection: Connection, space: int) -> list[int]:
    """Enabled admins of a space. Locked, always in one order: of two who would disable each other one comes second."""
    enabled = and_(users.c.space == space, users.c.role == "admin", users.c.disabled_at.is_(None))
    return list(connection.scalars(select(users.c.number).where(enabled).order_by(users.c.number).with_for_update()))


def _row(connection: Connection, principal: Principal, number: int, *, lock: bool = False) -> "Row[Any]":
    query = _joined().where(users.c.space == principal.space, users.c.number == number)
    row = connection.execute(query.with_for_update(of=users) if lock else query).first()
    if row is None:
        raise NotFound("user", numbered("usr", number))
    return row


def _joined() -> Any:
    return select(users, spaces.c.id.label("space_id")).join(spaces, spaces.c.number == users.c.space)


def _user(row: "Row[Any]") -> User:
    return User(
        number=row.number,
        space=row.space_id,
        email=row.email,
        role=row.role,
        kind=row.kind,
        apps=texts(row.apps),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        password=row.password_hash is not None,
        withheld=[scope for scope in WITHHELD if scope in texts(row.withheld)],
    )
