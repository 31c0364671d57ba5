"""Editing: what somebody sets of a user, over whatever the user's senders say; exports see it from then on."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from tailrace.accounts.audit import Actor, note
from tailrace.db.engine import Database
from tailrace.ingest.context import profile_text
from tailrace.ingest.merging import json_text, json_value
from tailrace.model.access import Scope
from tailrace.model.errors import Invalid, NotFound
from tailrace.model.people import LAST_SESSION
from tailrace.store.commits import commit_nothing
from tailrace.store.edits import changed, keep_edit, last_edit
from tailrace.store.people import person_at
from tailrace.store.profiles import LONGEST
from tailrace.store.sessions import known_actors
from tailrace.store.snapshots import head


class Known(Struct, frozen=True):
    """What is known of a user as of a commit: `number` and `user_id` if events of the user were sealed, all that was
    said or set, and what of it was set.
    """

    seq: int
    number: int | None
    user_id: str | None
    profile: Mapping[str, Any]
    set: Mapping[str, Any]


def look_up(database: Database, scope: Scope, actor: bytes) -> Known:
    """What is known of a user, by the hash of the actor.

    Raises:
        NotFound: nothing is.
    """
    with database.read() as connection:
        known = _known(connection, scope, actor, head(connection, scope).seq)
    if known.number is None and not known.set:
        raise NotFound("profile", actor.hex())
    return known


def set_profile(database: Database, scope: Scope, actor: bytes, change: Mapping[str, Any], by: Actor) -> Known:
    """Set some keys of a user's profile, by the hash of the actor.

    Null takes a key back: what senders say counts again. It is a commit of its own, without events. The user need not
    have been seen yet.

    Raises:
        Invalid: a value cannot be, or all that is set would be too long.
    """
    _check(change)
    with database.write() as connection:
        seq = commit_nothing(database, connection, scope)
        text = changed(last_edit(connection, scope, actor), change)
        if len(text.encode()) > LONGEST:
            raise Invalid("set", f"is longer than {LONGEST} bytes with what was set before")
        keep_edit(connection, scope, seq, actor, text)
        note(connection, by, "profile.set", actor.hex(), database.now(connection), app=scope.app_id)
        return _known(connection, scope, actor, seq)


def _check(change: Mapping[str, Any]) -> None:
    """What is set must be what a sender might say."""
    said = {key: value for key, value in change.items() if value is not None}
    try:
        profile_text((json_text(said) or "").encode())
    except ValueError as error:
        raise Invalid("set", str(error)) from None


def _known(connection: Connection, scope: Scope, actor: bytes, seq: int) -> Known:
    person, edit = person_at(connection, scope, seq, actor), json_value(last_edit(connection, scope, actor))
    if person is None:
        seen = known_actors(connection, scope, (actor,)).get(actor)
        return Known(seq, None if seen is None else seen.number, None, edit, edit)
    profile = {key: value for key, value in json_value(person.text).items() if key != LAST_SESSION}
    return Known(seq, person.number, person.user_id, profile, edit)
