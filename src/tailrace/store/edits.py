"""Edits: what was set of users, over whatever they say, a version per change. Only commits of their own write them, so
no seal has to know of them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from tailrace.db.tables import owned, owner, profile_edits
from tailrace.model.access import Scope

_ATTRIBUTES = "attributes"
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def last_edit(connection: Connection, scope: Scope, actor: bytes) -> str:
    """What is set of an actor now, as JSON text; an empty object if nothing is."""
    mine = owned(profile_edits, scope), profile_edits.c.actor == actor
    newest = select(profile_edits.c.edit).where(*mine).order_by(profile_edits.c.seq.desc()).limit(1)
    return connection.scalar(newest) or "{}"


def keep_edit(connection: Connection, scope: Scope, seq: int, actor: bytes, text: str) -> None:
    """Keep what is set of an actor from a commit on."""
    connection.execute(insert(profile_edits).values(**owner(scope), actor=actor, seq=seq, edit=text))


def changed(before: str, change: Mapping[str, Any]) -> str:
    """What is set, with a change to it: null takes a key back, attributes are changed key by key."""
    edit = _decode(before)
    attributes = change.get(_ATTRIBUTES)
    if isinstance(attributes, Mapping):
        change = {**change, _ATTRIBUTES: _without_nulls({**edit.get(_ATTRIBUTES, {}), **attributes}) or None}
    return _encode(_without_nulls({**edit, **change})).decode()


def over(edit: str, said: str) -> str:
    """What is set, over what was said."""
    upper, lower = _decode(edit), _decode(said)
    merged = lower | upper
    if _ATTRIBUTES in upper:
        merged[_ATTRIBUTES] = {**lower.get(_ATTRIBUTES, {}), **upper[_ATTRIBUTES]}
    return _encode(merged).decode()


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
