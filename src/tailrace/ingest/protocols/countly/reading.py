"""Records as rows: what each thing that a request can say is in the words of the house."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tailrace.ingest.draft import Draft
from tailrace.ingest.protocols.countly.device import METRICS, address_of, object_in, renamed, session_of
from tailrace.ingest.rows import Row, draft_rows, fitting
from tailrace.model.hashing import key_of_record

DETAILS: Mapping[str, str] = {
    "name": "name",
    "email": "email",
    "phone": "phone",
    "picture": "photo",
    "gender": "gender",
    "byear": "birth_year",
}
"""Members of `user_details`, and the profile's fields that they fill."""

_FIRST_MS = 100_000_000_000  # a smaller number is in seconds
_TOO_LATE_MS = 1e15  # after the last year that accept takes; also what is no number is not below it
_VIEW = "[CLY]_view"


class _Record(msgspec.Struct):
    """One thing that a request said: which, its value, and the members that the request's records have in common.

    Two more members, its place in the request and which of equal requests that was, only tell it from others.
    """

    part: str
    request: msgspec.Raw
    value: Any = None


class _Request(Struct, frozen=True):
    """What the records of a request have in common; `timestamp` as it was sent."""

    device_id: str | None
    timestamp: Any
    address: str | None
    session: Mapping[str, Any]


_record = msgspec.json.Decoder(_Record)


def draft(raws: Sequence[bytes], context: Mapping[str, Any]) -> Draft:
    """Read records. Their keys are made of what was sent; what says no time is kept each time that it comes."""
    request = lru_cache(maxsize=1)(partial(_request, context))
    made = draft_rows(raws, partial(_row, request), sent_at=None)
    devices, times = (made.values(name) for name in ("device_id", "time"))
    keys = [
        key_of_record(device or "", None, 0, _nonce(time) + made.raw_of(row))
        for row, (device, time) in enumerate(zip(devices, times, strict=True))
    ]
    return replace(made, keys=keys)


def _nonce(time: int | None) -> bytes:
    return secrets.token_bytes(16) if time is None else b""


def _row(request_of: Callable[[bytes], _Request], raw: bytes) -> Row:
    record = _record.decode(raw)
    request = request_of(bytes(record.request))
    row = _READERS[record.part](request, record.value)
    row.device_id, row.session = request.device_id, {**request.session, **row.session}
    return row


def _request(context: Mapping[str, Any], text: bytes) -> _Request:
    members: dict[str, Any] = msgspec.json.decode(text)
    device_id, timestamp = members.pop("device_id", None), members.pop("timestamp", None)
    return _Request(fitting(device_id, str), timestamp, address_of(members, context), session_of(members, context))


def _object(value: Any, name: str) -> dict[str, Any]:
    found = object_in(value)
    if found is None:
        raise ValueError(f"{name}: not a JSON object")
    return found


def _instant(value: Any) -> int | None:
    """Seconds or milliseconds since 1970, as milliseconds."""
    if value is None or value == "":
        return None
    number: float | None = fitting(value, float)
    if number is None or not abs(number) < _TOO_LATE_MS:
        raise ValueError("timestamp: not a number of seconds or milliseconds since 1970")
    return round(number * 1000 if abs(number) < _FIRST_MS else number)


def _ms(seconds: Any) -> int | None:
    """A length in seconds as milliseconds; None where there is none, or none that can be."""
    number: float | None = fitting(seconds, float)
    return None if number is None or not abs(number) < _FIRST_MS else round(number * 1000)


def _began(request: _Request, seconds: Any) -> Row:
    """A session began. If its length came along, it began that much before the time of the request.

    Only here the sender's address counts: who sends what comes later may be a server, or not want to be located.
    """
    time, lasted = _instant(request.timestamp), max(0, _ms(seconds) or 0)
    began = None if time is None else time - lasted
    address = {"ip": request.session.get("ip") or request.address}
    return Row("Session Started", time=began, session=address, fields={"kind": "standard"})


def _active(request: _Request, value: Any) -> Row:
    """A session went on for so many seconds, or ended."""
    seconds = value.get("seconds")
    lasted = 0 if seconds is None else _ms(seconds)
    return Row(
        "Session Active",
        time=_instant(request.timestamp),
        params={"session_duration": seconds} if lasted is None else {},
        session_end=value.get("ended", False),
        fields={"kind": "standard", "duration_ms": lasted},
    )


def _event(request: _Request, value: Any) -> Row:
    """An event of the app, or of a view: one with `visit` opens it and is a screen, another says how long it was."""
    event = _object(value, "event")
    key, timestamp = event.pop("key", None), event.pop("timestamp", None)
    params = object_in(event.get("segmentation"))
    if params is not None:
        del event["segmentation"]
    fields = {"value": fitting(event.get("sum"), float), "duration_ms": _ms(event.get("dur"))}
    row = Row(fitting(key, str) or "", time=_instant(request.timestamp if timestamp in (None, "") else timestamp))
    row.fields, row.params = fields, _beside(params or {}, _left(event, fields))
    return _view(row) if row.event == _VIEW else row


def _left(event: Mapping[str, Any], fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of an event has no field. That it happened once, and at which hour, need not be said."""
    told = {"hour", "dow"}
    told |= {name for name, field in (("sum", "value"), ("dur", "duration_ms")) if fields[field] is not None}
    told |= {"count"} if fitting(event.get("count"), int) == 1 else set()
    return {f"_{name}": value for name, value in event.items() if name not in told and value is not None}


def _beside(params: Mapping[str, Any], more: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parameters with further ones, which overwrite none of the app's."""
    found = dict(params)
    for name, value in more.items():
        free = name
        while free in found:
            free = f"_{free}"
        found[free] = value
    return found


def _view(row: Row) -> Row:
    name = fitting(row.params.get("name"), str)
    if not name:
        return row
    if row.params.get("visit"):
        return replace(row, event=name, fields={**row.fields, "kind": "screen"})
    return replace(row, fields={**row.fields, "state": name})


def _user(request: _Request, value: Any) -> Row:
    """The user was described. Commands such as `$inc` need a value that was there before: they stay parameters."""
    details = _object(value, "user_details")
    profile = {field: details.get(name) for name, field in DETAILS.items()}
    profile["name"] = profile["name"] or details.get("username")
    row = Row("identify", time=_instant(request.timestamp), params=details, fields={"kind": "identify"})
    return replace(row, profile=profile | {"attributes": _attributes(details) or None})


def _attributes(details: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the app says of the user beyond the profile's own fields, its custom values beside the others."""
    found = {name: value for name, value in details.items() if name not in DETAILS}
    custom = object_in(found.get("custom"))
    if custom is not None:
        del found["custom"]
    plain = {name: value for name, value in (custom or {}).items() if not _commands(value)}
    return plain | found


def _commands(value: Any) -> bool:
    return isinstance(value, dict) and any(name.startswith("$") for name in value)


def _crash(request: _Request, value: Any) -> Row:
    crash = _object(value, "crash")
    title = str(crash.get("_name") or crash.get("_error") or "").strip().partition("\n")[0]
    fields = {"kind": "error", "info": title or None}
    time = _instant(request.timestamp)
    return Row("[CLY]_crash", time=time, params=crash, session=renamed(crash, METRICS), fields=fields)


def _trace(request: _Request, value: Any) -> Row:
    """A measurement. Its own times may count from the start of a process, so they say only how long it was."""
    trace = _object(value, "apm")
    begin, end = (fitting(trace.get(name), float) for name in ("stz", "etz"))
    lasted = None if begin is None or end is None else _ms((end - begin) / 1000)
    fields = {"info": trace.get("name"), "duration_ms": lasted}
    return Row(f"[CLY]_apm_{trace.get('type')}", time=_instant(request.timestamp), params=trace, fields=fields)


def _consent(request: _Request, value: Any) -> Row:
    return Row("[CLY]_consent", time=_instant(request.timestamp), params=_object(value, "consent"))


def _alias(request: _Request, value: Any) -> Row:
    previous = {"previous_id": fitting(value, str)}
    return Row("alias", time=_instant(request.timestamp), params=previous, fields={"kind": "alias"})


def _update(request: _Request, _value: Any) -> Row:
    return Row("User Updated", time=_instant(request.timestamp), fields={"kind": "standard"})


def _broken(_request: _Request, _value: Any) -> Row:
    raise ValueError("request: not a JSON object")


def _foreign(_request: _Request, _value: Any) -> Row:
    raise ValueError("app_key: another one than that of the bulk")


_READERS: Mapping[str, Callable[[_Request, Any], Row]] = {
    "alias": _alias,
    "begin": _began,
    "user": _user,
    "event": _event,
    "crash": _crash,
    "apm": _trace,
    "consent": _consent,
    "active": _active,
    "update": _update,
    "broken": _broken,
    "foreign": _foreign,
}
