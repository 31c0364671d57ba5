"""Rows: events as a protocol read them from its own words, on their way to a draft.

SDKs send what the app's code gave them, so a value of the wrong type is no reason to lose an event: what can be read
as its field's type is, and what cannot goes to the event's parameters, the session's properties or the profile's
attributes as it came.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from tailrace.ingest.context import Latitude, Longitude, profile_text, session_text
from tailrace.ingest.draft import Draft, Rejected, draft_of
from tailrace.ingest.halves import mend
from tailrace.ingest.problems import NO_SUCH_YEAR
from tailrace.ingest.reasons import reason_of
from tailrace.model.fields import EVENT_FIELDS, SESSION_INPUTS

_Texts = tuple[str | None, str | None, str | None]
_INT64 = range(-(1 << 63), 1 << 63)
Int = msgspec.Meta(ge=_INT64[0], le=_INT64[-1])
_KINDS: Mapping[str, Any] = {"text": str, "int": int, "float": float, "bool": bool, "time": int, "json": str}
_SESSION: Mapping[str, Any] = {
    f.source.removeprefix("session."): _KINDS[f.kind] for f in SESSION_INPUTS if f.kind != "json"
} | {"latitude": Latitude, "longitude": Longitude}
_PROFILE: Mapping[str, Any] = {
    "gender": str,
    "birth_year": int,
    "name": str,
    "email": str,
    "phone": str,
    "photo": str,
    "level": int,
    "is_tester": bool,
    "is_cheater": bool,
    "is_paying": bool,
}
_EVENT: Mapping[str, Any] = {f.name: _KINDS[f.kind] for f in EVENT_FIELDS}


class Row(Struct):
    """One event. `time` is in ms; `params` a JSON object; `session` and `profile` have the keys of those objects of a
    native record, `fields` the further columns of an event by name. A value of None is none.
    """

    event: str
    id: str | None = None
    time: int | None = None
    user_id: str | None = None
    device_id: str | None = None
    session_id: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    session_end: bool = False
    profile: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)


def draft_rows(raws: Sequence[bytes], read: Callable[[bytes], Row], *, sent_at: int | None) -> Draft:
    """Read records, each by itself; one that `read` cannot read, with a `ValueError` or what `msgspec` raises, is
    rejected with that reason.

    Without `sent_at` a record that has neither id nor time is kept each time that it comes: nothing tells a resend
    from the same thing happening again.
    """
    rows: list[Row] = []
    texts: list[_Texts] = []
    places: list[int] = []
    rejected: list[Rejected] = []
    mended: list[int] = []
    for place, raw in enumerate(raws):
        try:
            row, said, changed = _read(raw, read)
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
            rejected.append(Rejected(place, reason_of(error)))
            continue
        mended += [len(rows)] if changed else []
        texts.append(said)
        rows.append(row)
        places.append(place)
    columns = _columns(rows) | dict(zip(("params", "session", "profile"), _turned(texts), strict=True))
    draft = draft_of(columns, sent_at=sent_at, places=places, raw_of=lambda at: raws[places[at]], rejected=rejected)
    nonce = b"" if sent_at is not None else secrets.token_bytes(16)
    return replace(draft, mended=mended, nonce=nonce)


def _read(raw: bytes, read: Callable[[bytes], Row]) -> tuple[Row, _Texts, bool]:
    """A record, its objects as texts, and whether half of a surrogate pair outside its parameters became U+FFFD."""
    try:
        row = _fitted(read(raw))
        return row, _texts(row), False
    except (msgspec.DecodeError, UnicodeError, ValueError):
        if (mended := mend(raw)) is None:
            raise
    row = _fitted(read(mended.plain))
    _, session, profile = _texts(row)
    params = _encoded(_fitted(read(mended.marked)).params)
    changed = mended.halves > mended.within(params)
    return row, (mended.restored(params).decode() or None, session, profile), changed


def fitting(value: Any, kind: Any) -> Any:
    """A value as a type, read leniently: numbers and flags from texts, texts from numbers; None if it cannot be."""
    if kind is str and isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        read = msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, ValueError, OverflowError):
        return None
    return None if kind is int and read not in _INT64 else read


def _fitted(row: Row) -> Row:
    """A row whose fields have their types; what cannot be read as its field's type becomes a parameter.

    Raises:
        ValueError: its time is none that a column could hold.
    """
    if row.time is not None and row.time not in _INT64:
        raise ValueError(f"time: {NO_SUCH_YEAR}")
    found = {name: fitting(value, _EVENT[name]) for name, value in row.fields.items() if value is not None}
    unfit = {name: row.fields[name] for name, value in found.items() if value is None}
    row.fields = found
    if unfit:
        row.params = unfit | dict(row.params)
    return row


def _texts(row: Row) -> _Texts:
    params = msgspec.json.encode(row.params).decode() if row.params else None
    session = _sorted_out(row.session, _SESSION, "properties")
    profile = _sorted_out(row.profile, _PROFILE, "attributes")
    return params, session_text(_encoded(session))[0], profile_text(_encoded(profile))


def _encoded(value: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(value) if value else b""


def _sorted_out(given: Mapping[str, Any], kinds: Mapping[str, Any], rest: str) -> dict[str, Any]:
    """The object as a native record has it; what does not fit goes to its member `rest`."""
    found: dict[str, Any] = {}
    unfit: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        read = fitting(value, kinds[name]) if name in kinds else value
        if read is None:
            unfit[name] = value
        else:
            found[name] = read
    if unfit:
        found[rest] = unfit | dict(found.get(rest) or {})
    return found


def _columns(rows: Sequence[Row]) -> dict[str, Sequence[Any]]:
    names = ("event", "id", "time", "user_id", "device_id", "session_id", "session_end")
    columns: dict[str, Sequence[Any]] = {name: [getattr(row, name) for row in rows] for name in names}
    for name in {name for row in rows for name in row.fields}:
        columns[name] = [row.fields.get(name) for row in rows]
    return columns


def _turned(texts: Sequence[tuple[str | None, ...]]) -> list[list[str | None]]:
    return [[of[place] for of in texts] for place in range(3)]
