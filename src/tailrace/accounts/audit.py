"""The audit: who did what, when and from where. Rows are only ever added; triggers of the database see to that."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Row, and_, insert, or_, select

from tailrace.db.engine import Database, storable
from tailrace.db.tables import audit, spaces
from tailrace.model.access import EVERYTHING, Principal

ACTIONS: Mapping[str, str] = {
    "app.changed": "renamed an app",
    "app.keys_rotated": "made a new key for an app",
    "app.made": "made an app",
    "dead_letter.replayed": "had a dead letter taken in",
    "event.blocked": "blocked an event of an app",
    "event.unblocked": "let a blocked event be seen again",
    "delivery.replayed": "asked for a delivery again",
    "destination.deleted": "deleted a destination of deliveries",
    "destination.made": "made a destination of deliveries",
    "export.cancelled": "asked to cancel an export",
    "export.repeated": "asked for an export again",
    "export.requested": "asked for an export",
    "file.downloaded": "began to download a file of an export",
    "limits.changed": "changed limits of the server",
    "login.ended": "signed out, here or everywhere",
    "login.failed": "tried to sign in with a wrong password",
    "login.succeeded": "signed in",
    "password.changed": "changed the password of a user",
    "profile.set": "set what is known of a user of an app",
    "provisioning.applied": "changed apps, users or tokens with `tailrace apply`",
    "setup.done": "made the first admin with a set-up link",
    "token.made": "made a token",
    "token.refreshed": "gave a token a new text",
    "token.reset": "made the one token of a user anew",
    "token.revoked": "revoked a token",
    "user.changed": "changed role, apps or state of a user",
    "user.disabled": "disabled a user",
    "user.made": "made a user",
}
_PAGE = 1000


class Actor(Struct, frozen=True):
    """Who does something in a space: by name, and from which address. `user` and `token` are None for who has none."""

    space: int
    who: str
    address: str = ""
    user: int | None = None
    token: int | None = None


class Noted(Struct, frozen=True):
    """A row of the audit. `subject` is the id of what it is about, `at` in ms."""

    number: int
    at: int
    who: str
    user: int | None
    token: int | None
    action: str
    app: str | None
    subject: str
    address: str
    detail: dict[str, Any]
    space: str


class Wanted(Struct, frozen=True):
    """Which rows: of an action, of `[since, until)` (ms), older than a number."""

    action: str | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    conditions: Sequence[ColumnElement[bool]] = field(default=())


def actor_of(principal: Principal) -> Actor:
    """Whoever a token speaks for, as the audit knows them."""
    user, token = principal.user or None, principal.token or None
    return Actor(principal.space, principal.who, principal.address, user, token)


def note(
    connection: Connection,
    actor: Actor,
    action: str,
    subject: str,
    now: int,
    detail: Mapping[str, object] = MappingProxyType({}),
    *,
    app: str | None = None,
) -> None:
    """Add a row, in the transaction of what it tells of. `detail` must hold no secret."""
    connection.execute(insert(audit).values(_row(actor, action, subject, now, detail, app)))


def _row(
    actor: Actor, action: str, subject: str, now: int, detail: Mapping[str, object], app: str | None
) -> Mapping[str, object]:
    if action not in ACTIONS:
        raise LookupError(f"the audit knows no action {action}")
    row = {"space": actor.space, "app_id": app, "at": now, "user": actor.user, "token": actor.token, "who": actor.who}
    told = {"action": action, "subject": subject, "address": actor.address[:60]}
    return row | told | {"detail": msgspec.json.encode(dict(detail)).decode()}


class Download(Struct, frozen=True, eq=False):
    """Somebody begins to download a file of an export of an app. Two are never the same, whatever they say."""

    actor: Actor
    export: str
    app: str
    file: str


def note_downloads(database: Database, begun: Collection[Download]) -> None:
    """Note downloads in one transaction: each alone would wait for the disk, and files may be small and many."""
    with database.write() as connection:
        note_begun(connection, begun, database.now(connection))


def note_begun(connection: Connection, begun: Collection[Download], now: int) -> None:
    """The same within a transaction."""
    rows = [_row(one.actor, "file.downloaded", one.export, now, {"file": one.file}, one.app) for one in begun]
    connection.execute(insert(audit), rows)


def seen_by(principal: Principal) -> Wanted:
    """What a caller may read: all of the space, or what is about the caller's apps, and what the caller did to none."""
    mine = audit.c.space == principal.space
    if EVERYTHING in principal.apps:
        return Wanted(conditions=(mine,))
    himself = and_(audit.c.app_id.is_(None), audit.c.user == principal.user)
    return Wanted(conditions=(mine, or_(audit.c.app_id.in_(principal.apps), himself)))


def in_space(space_id: str) -> Wanted:
    """What the operator reads of one space."""
    return Wanted(conditions=(spaces.c.id == space_id,))


def page(database: Database, wanted: Wanted, most: int) -> list[Noted]:
    """Rows, newest first."""
    if wanted.action is not None and not storable(wanted.action):
        return []
    query = select(audit, spaces.c.id.label("space_id")).join(spaces, spaces.c.number == audit.c.space)
    query = query.where(*wanted.conditions, *_conditions(wanted)).order_by(audit.c.number.desc()).limit(most)
    with database.read() as connection:
        return [_noted(row) for row in connection.execute(query)]


def every(database: Database, wanted: Wanted) -> Iterator[list[Noted]]:
    """All rows, newest first, some at a time, so that no transaction lasts as long as a slow reader."""
    found = page(database, wanted, _PAGE)
    while found:
        yield found
        found = page(database, replace(wanted, before=found[-1].number), _PAGE)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.action is not None:
        conditions.append(audit.c.action == wanted.action)
    if wanted.since is not None:
        conditions.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(audit.c.at < wanted.until)
    if wanted.before is not None:
        conditions.append(audit.c.number < wanted.before)
    return conditions


def _noted(row: "Row[Any]") -> Noted:
    return Noted(
        number=row.number,
        at=row.at,
        who=row.who,
        user=row.user,
        token=row.token,
        action=row.action,
        app=row.app_id,
        subject=row.subject,
        address=row.address,
        detail=msgspec.json.decode(row.detail),
        space=row.space_id,
    )
