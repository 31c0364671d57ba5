"""Provisioning: `tailrace apply` makes a store look as a TOML file says, however often it is run."""

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import Connection, Table, and_, insert, select, update

from tailrace.accounts.audit import Actor, note
from tailrace.accounts.chosen import check_id
from tailrace.accounts.defaults import set_default_apps
from tailrace.accounts.keys import hash_password, password_fits, token_hash
from tailrace.accounts.limits import set_limits, set_token_limits
from tailrace.accounts.store import Identity
from tailrace.accounts.token_rows import put_token
from tailrace.db.engine import Database
from tailrace.db.tables import apps, spaces, tokens, users
from tailrace.model.access import EVERYTHING, ROLES, SCOPES, Role, Scope
from tailrace.model.errors import Invalid, misfit
from tailrace.model.policy import check_limit, check_token_limit

OPERATOR = "tailrace apply"  # who the audit says it was
_Key = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,200}$")]
_Weight = Annotated[int, msgspec.Meta(ge=1, le=1000)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{0,320}$")]


class AppEntry(msgspec.Struct, forbid_unknown_fields=True):
    """``[[spaces.apps]]``."""

    id: str
    name: _Name = ""
    api_key: _Key | None = None
    write_key: _Key | None = None
    export_key: _Key | None = None


class UserEntry(msgspec.Struct, forbid_unknown_fields=True):
    """``[[spaces.users]]``; `password` is ``env:NAME``, ``file:PATH`` or the text itself."""

    email: _Name
    role: Role = "standard"
    password: str | None = None


class TokenEntry(msgspec.Struct, forbid_unknown_fields=True):
    """``[[spaces.tokens]]``; without `value` one is generated and shown once. `limits` go with a value."""

    user: _Name
    value: _Key | None = None
    scopes: tuple[str, ...] = ("*",)
    apps: tuple[str, ...] = ("*",)
    limits: dict[str, Any] | None = None


class SpaceEntry(msgspec.Struct, forbid_unknown_fields=True):
    """``[[spaces]]``; `weight` is its share of the workers when spaces wait for each other, 1 unless it was set.

    `default_apps` says, by dialect, which app a token means that sees several where the dialect has no word for apps.
    """

    id: str
    weight: _Weight | None = None
    apps: list[AppEntry] = []
    users: list[UserEntry] = []
    tokens: list[TokenEntry] = []
    default_apps: dict[str, str] = {}


class ProvisioningFile(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    spaces: list[SpaceEntry] = []
    limits: dict[str, Any] = {}


class Applied(Struct, frozen=True):
    """What `apply` made or changed, in words, and the tokens that it generated (user's e-mail and text)."""

    changes: list[str] = field(default_factory=list)
    tokens: list[tuple[str, str]] = field(default_factory=list)


NewApp = Callable[[Connection, Scope], None]


def read_provisioning(path: Path) -> ProvisioningFile:
    """Read and check a provisioning file.

    Raises:
        Invalid: it is not TOML, a key is unknown or a value cannot be; the path of the key is named.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:  # not TOML, or not UTF-8
        raise Invalid(path.name, f"not TOML: {error}") from None
    try:
        wanted = msgspec.convert(document, ProvisioningFile)
    except msgspec.ValidationError as error:
        raise misfit(str(error), path.name) from None
    _check_ids(wanted)
    return wanted


def _check_ids(wanted: ProvisioningFile) -> None:
    for n, space in enumerate(wanted.spaces):
        check_id(f"spaces[{n}].id", space.id)
        for m, app in enumerate(space.apps):
            check_id(f"spaces[{n}].apps[{m}].id", app.id)


def apply(database: Database, identity: Identity, wanted: ProvisioningFile, new_app: NewApp) -> Applied:
    """Make spaces, apps, users, tokens and limits as wanted, in one transaction. Nothing is deleted.

    `new_app` is called for each app that is made, inside the transaction.

    Raises:
        Invalid: a name is taken elsewhere, a user is unknown, a secret cannot be read; nothing was changed.
    """
    limits = {name: check_limit(name, value) for name, value in wanted.limits.items()}
    applied = Applied()
    with database.write() as connection:
        now = database.now(connection)
        for entry in wanted.spaces:
            _apply_space(connection, identity, entry, new_app, applied, now)
        changed = set_limits(connection, limits)
        applied.changes.extend(f"set limit {name} to {limits[name]}" for name in changed)
        if changed:
            _note_limits(connection, {name: limits[name] for name in changed}, now)
    return applied


def _apply_space(
    connection: Connection, identity: Identity, entry: SpaceEntry, new_app: NewApp, applied: Applied, now: int
) -> None:
    before = len(applied.changes)
    values = {} if entry.weight is None else {"weight": entry.weight}
    space = _put(connection, spaces, {"id": entry.id}, values, applied, f"space {entry.id}")
    for app in entry.apps:
        _apply_app(connection, identity, Scope(space, 0, entry.id, app.id), app, new_app, applied)
    for changed in set_default_apps(connection, space, entry.default_apps):
        applied.changes.append(f"set default app of {changed}")
    for user in entry.users:
        _apply_user(connection, space, user, applied, now)
    for token in entry.tokens:
        _apply_token(connection, identity, space, token, applied, now)
    if changes := applied.changes[before:]:
        note(connection, Actor(space, OPERATOR), "provisioning.applied", entry.id, now, {"changes": changes})


def _note_limits(connection: Connection, changed: dict[str, int], now: int) -> None:
    """Limits are those of the server, so every space is told."""
    for space in connection.scalars(select(spaces.c.number)).all():
        note(connection, Actor(space, OPERATOR), "limits.changed", "limits", now, changed)


def _apply_app(
    connection: Connection, identity: Identity, place: Scope, entry: AppEntry, new_app: NewApp, applied: Applied
) -> None:
    elsewhere = select(apps.c.space).where(apps.c.id == entry.id, apps.c.space != place.space)
    if connection.scalar(elsewhere) is not None:
        raise Invalid(f"apps.{entry.id}", "this app id belongs to another space")
    values: dict[str, Any] = {"name": entry.name or entry.id}
    for key in ("api_key", "write_key"):
        if (text := getattr(entry, key)) is not None:
            _check_free(connection, entry.id, key, apps.c[key] == text)
            values[key] = text
    if entry.export_key is not None:
        hashed = token_hash(identity.secret, entry.export_key)
        _check_free(connection, entry.id, "export_key", apps.c.export_key_hash == hashed)
        values["export_key_hash"] = hashed
    before = len(applied.changes)
    number = _put(connection, apps, {"space": place.space, "id": entry.id}, values, applied, f"app {entry.id}")
    if applied.changes[before:] == [f"made app {entry.id}"]:
        new_app(connection, Scope(place.space, number, place.space_id, entry.id))


def _check_free(connection: Connection, app_id: str, key: str, condition: Any) -> None:
    if connection.scalar(select(apps.c.id).where(condition, apps.c.id != app_id)) is not None:
        raise Invalid(f"apps.{app_id}.{key}", "another app has this key")


def _apply_user(connection: Connection, space: int, entry: UserEntry, applied: Applied, now: int) -> None:
    if entry.role not in ROLES:
        raise Invalid(f"users.{entry.email}.role", f"must be one of {', '.join(ROLES)}")
    values: dict[str, Any] = {"role": entry.role}
    stored = connection.scalar(
        select(users.c.password_hash).where(users.c.space == space, users.c.email == entry.email)
    )
    if entry.password is not None:
        password = _secret(entry.password, f"users.{entry.email}.password")
        values["password_hash"] = stored if password_fits(stored, password) else hash_password(password)
        values["one_time"] = False
    key, first = {"space": space, "email": entry.email}, {"created_at": now}
    _put(connection, users, key, values, applied, f"user {entry.email}", first)


def _apply_token(
    connection: Connection, identity: Identity, space: int, entry: TokenEntry, applied: Applied, now: int
) -> None:
    user = connection.scalar(select(users.c.number).where(users.c.space == space, users.c.email == entry.user))
    if user is None:
        raise Invalid("tokens.user", f"this space has no user {entry.user}")
    for scope in entry.scopes:
        if scope not in SCOPES and scope != EVERYTHING:
            raise Invalid("tokens.scopes", f"there is no scope {scope!r}; known are {', '.join((EVERYTHING, *SCOPES))}")
    done = put_token(
        connection, identity.secret, space=space, user=user, value=entry.value, scopes=entry.scopes,
        apps=entry.apps, now=now,
    )  # fmt: skip
    if done.what is not None:
        applied.changes.append(f"{done.what} token of {entry.user}")
    if entry.limits is not None:
        _apply_token_limits(connection, identity, entry, applied)
    if done.generated is not None:
        applied.tokens.append((entry.user, done.generated))


def _apply_token_limits(connection: Connection, identity: Identity, entry: TokenEntry, applied: Applied) -> None:
    if entry.value is None:
        raise Invalid("tokens.limits", "goes with a value: which token is meant, otherwise?")
    values = {name: check_token_limit(name, value) for name, value in (entry.limits or {}).items()}
    hashed = token_hash(identity.secret, entry.value)
    number = connection.scalars(select(tokens.c.number).where(tokens.c.hash == hashed)).one()
    for name in set_token_limits(connection, number, values):
        applied.changes.append(f"set limit {name} of a token of {entry.user}")


def _put(
    connection: Connection,
    table: Table,
    key: dict[str, Any],
    values: dict[str, Any],
    applied: Applied,
    what: str,
    first: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Insert or update one row; its number. `first` is what only a new row gets."""
    same = and_(*(table.c[name] == value for name, value in key.items()))
    row = connection.execute(select(table).where(same)).first()
    if row is None:
        number = connection.scalar(insert(table).values(**key, **first, **values).returning(table.c.number))
        applied.changes.append(f"made {what}")
        return int(number or 0)
    if any(getattr(row, name) != value for name, value in values.items()):
        connection.execute(update(table).where(same).values(**values))
        applied.changes.append(f"changed {what}")
    return int(row.number)


def _secret(reference: str, where: str) -> str:
    text = _resolved(reference, where)
    if not text:
        raise Invalid(where, "is empty")
    return text


def _resolved(reference: str, where: str) -> str:
    kind, _, rest = reference.partition(":")
    if kind == "env":
        if rest not in os.environ:
            raise Invalid(where, f"the environment has no variable {rest}")
        return os.environ[rest]
    if kind == "file":
        try:
            return Path(rest).read_text().strip()
        except OSError as error:
            raise Invalid(where, f"cannot read {rest}: {error.strerror}") from None
    return reference
