"""People: users of an app found by their ids, and what was sealed of one. Each look costs a few rows of the database
and a row group of one segment, however much the app holds.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import Connection

from tailrace.db.engine import Database, storable
from tailrace.files.base import Files
from tailrace.model.access import Scope
from tailrace.model.fields import SESSION_INPUTS
from tailrace.model.hashing import actor_hash
from tailrace.model.people import LAST_SESSION
from tailrace.store.edits import last_edit
from tailrace.store.joins import joined_with
from tailrace.store.people import actor_numbered, actors_with, person_at
from tailrace.store.segments import fragment_at, open_segment
from tailrace.store.sessions import Actor, SealedSession, known_actors, latest_sessions
from tailrace.store.snapshots import head, segments_by_number

_NUMBER = re.compile("[0-9]{1,18}")
MOST = 50  # users that a look for an id finds
LATEST = 10  # sessions that are told
_COLUMNS = ("actor", "device_id", *(field.name for field in SESSION_INPUTS))


class Found(Struct, frozen=True):
    """A user: the hash of the actor, the user id that was last seen, and when events were; times in ms.

    `first_seen` and `last_seen` are None of whom nothing was sealed, of whom something was only set.
    """

    actor: bytes
    user_id: str | None
    first_seen: int | None
    last_seen: int | None


class Trace(Struct, frozen=True):
    """What was sealed of a user, without what profiles say.

    `last_seen` is in ms, `sessions` are the latest. `said` is what the newest of them tells of device, version, place
    and acquisition, under what profiles remember of that; `device_id` and `actor` are as it was sent. `joined` are
    actors that aliases joined.
    """

    seen: Actor | None
    last_seen: int | None
    sessions: Sequence[SealedSession] = ()
    joined: Sequence[bytes] = ()
    actor: str | None = None
    device_id: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


def find_people(database: Database, scope: Scope, id_: str) -> Sequence[Found]:
    """Users with an id: their actor, which is the device or anonymous id, else the user id; a user id that was ever
    sent beside their device; or their number in the app. Those that aliases joined them with come along.
    """
    if not storable(id_):
        return ()
    with database.read() as connection:
        seq = head(connection, scope).seq
        named = [actor_hash(scope.app_id, id_), *actors_with(connection, scope, id_, MOST)]
        if _NUMBER.fullmatch(id_) and (numbered := actor_numbered(connection, scope, int(id_))) is not None:
            named.append(numbered)
        others = joined_with(connection, scope, seq, named)
        every = dict.fromkeys([*named, *(other for actor in named for other in others.get(actor, ()))])
        found = (_found(connection, scope, seq, actor) for actor in list(every)[:MOST])
        return [one for one in found if one is not None]


def trace(database: Database, files: Files, scope: Scope, actor: bytes, *, sessions: bool) -> Trace:
    """What was sealed of a user; with its sessions only for whoever may see them."""
    with database.read() as connection:
        seq = head(connection, scope).seq
        seen = known_actors(connection, scope, (actor,)).get(actor)
        joined = joined_with(connection, scope, seq, (actor,)).get(actor, ())
        latest = latest_sessions(connection, scope, actor, LATEST)
        person = person_at(connection, scope, seq, actor)
    last_seen = latest[0].end if latest else None
    if not sessions:
        return Trace(seen, last_seen, joined=joined)
    newest = _first_fragment(database, files, scope, latest[0]) if latest else {}
    told = msgspec.json.decode(person.text).get(LAST_SESSION, {}) if person is not None else {}
    return Trace(seen, last_seen, latest, joined, newest.get("actor"), newest.get("device_id"), _session(newest) | told)


def _found(connection: Connection, scope: Scope, seq: int, actor: bytes) -> Found | None:
    seen = known_actors(connection, scope, (actor,)).get(actor)
    if seen is None:
        return Found(actor, None, None, None) if last_edit(connection, scope, actor) != "{}" else None
    person = person_at(connection, scope, seq, actor)
    latest = latest_sessions(connection, scope, actor, 1)
    last_seen = latest[0].end if latest else seen.first_seen
    return Found(actor, person.user_id if person else None, seen.first_seen, last_seen)


def _first_fragment(database: Database, files: Files, scope: Scope, session: SealedSession) -> Mapping[str, Any]:
    """The first fragment of a session, if its segment is there still: its row in the app is the session's number."""
    with database.read() as connection:
        segment = segments_by_number(connection, scope, (session.segment,)).get(session.segment)
    if segment is None:
        return {}
    try:
        with open_segment(files, segment) as file:
            row = fragment_at(file, session.number - segment.first_fragment, _COLUMNS)
    except FileNotFoundError:
        return {}
    return row if row is not None and actor_hash(scope.app_id, row["actor"]) == session.actor else {}


def _session(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a fragment tells of its session, by field."""
    known = {field.name: field.kind for field in SESSION_INPUTS if row.get(field.name) is not None}
    return {name: msgspec.json.decode(row[name]) if kind == "json" else row[name] for name, kind in known.items()}
