"""Events: who did what when."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from tailrace.ingest.draft import Draft
from tailrace.ingest.protocols.posthog.elements import element_of
from tailrace.ingest.protocols.posthog.sessions import session_of
from tailrace.ingest.protocols.posthog.times import time_of
from tailrace.ingest.protocols.traits import profile_of
from tailrace.ingest.rows import Row, draft_rows, fitting

# Properties that move to a field of the event.
_FIELDS = {"$current_url": "page_url", "$referrer": "page_referrer", "$pageview_id": "page_id"}
_KINDS = {
    "$pageview": "page",
    "$screen": "screen",
    "$identify": "identify",
    "$set": "identify",
    "$set_once": "identify",
    "$create_alias": "alias",
    "$groupidentify": "group",
    "$rageclick": "click",
    "$dead_click": "click",
    "$exception": "error",
}
_SCREEN = "$screen_name"
_GESTURES = {"click": "click", "touch": "click", "change": "change"}
_SIGNALS = {"$rageclick": "signal_frustrated", "$dead_click": "signal_dead"}


class Event(msgspec.Struct):
    """One event. `offset` is how long before it was sent it happened, ms; what an SDK leaves out is in `properties`."""

    event: Any = None
    uuid: Any = None
    distinct_id: Any = None
    timestamp: Any = None
    offset: Any = None
    session_id: Any = None
    window_id: Any = None
    options: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    set: Any = msgspec.field(name="$set", default=None)
    set_once: Any = msgspec.field(name="$set_once", default=None)


_event = msgspec.json.Decoder(Event)


def draft(raws: Sequence[bytes], context: Mapping[str, Any]) -> Draft:
    """Read events."""
    return draft_rows(raws, partial(_row, context), sent_at=context.get("sent_at"))


def _row(shared: Mapping[str, Any], raw: bytes) -> Row:
    """An event. What a field holds whole is taken out of the properties; what is left are the parameters."""
    event = _event.decode(raw)
    params = _params(event)
    name = fitting(event.event, str) or ""
    user_id, device_id = _who(event, name, params)
    return Row(
        event=(fitting(params.get(_SCREEN), str) if name == "$screen" else None) or name,
        id=fitting(event.uuid or params.get("$insert_id"), str),
        time=_time(event, shared),
        user_id=user_id,
        device_id=device_id,
        session_id=fitting(event.session_id or params.pop("$session_id", None), str),
        params=params,
        session=session_of(params, shared),
        profile=profile_of(_traits(event, params)),
        fields=_fields(name, params),
    )


def _params(event: Event) -> dict[str, Any]:
    """The properties, and the members of an event that have no field."""
    members = {
        "$window_id": event.window_id,
        "$options": event.options or None,
        "$set": event.set,
        "$set_once": event.set_once or None,
    }
    return {name: value for name, value in members.items() if value is not None} | (event.properties or {})


def _who(event: Event, name: str, params: dict[str, Any]) -> tuple[str | None, str | None]:
    """User and device. A distinct id is the device's until the app has said who its user is."""
    distinct = fitting(event.distinct_id, str) or fitting(params.get("distinct_id"), str)
    device = fitting(params.pop("$device_id", None), str)
    if name == "$identify":
        return distinct, device or fitting(params.get("$anon_distinct_id"), str)
    nobody = params.get("$process_person_profile", (event.options or {}).get("process_person_profile")) is False
    if distinct != device and (nobody or params.get("$is_identified") is False):
        if device and distinct:
            params.setdefault("distinct_id", distinct)
        return None, device or distinct
    return (None if distinct == device else distinct), device


def _time(event: Event, shared: Mapping[str, Any]) -> int | None:
    """When it happened: as it says, else so long before it was sent, if that is known."""
    if event.timestamp is not None:
        return time_of(event.timestamp)
    offset: int | None = fitting(event.offset, int)
    sent: int | None = shared.get("sent_at")
    return None if offset is None or sent is None else sent - offset


def _traits(event: Event, params: Mapping[str, Any]) -> dict[str, Any]:
    """What is set outright, beside the properties or among them. What depends on what was there before is not."""
    said = [given for given in (event.set, params.get("$set")) if isinstance(given, dict)]
    return {name: value for given in said for name, value in given.items()}


def _fields(name: str, params: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        field: params.pop(key) for key, field in _FIELDS.items() if isinstance(params.get(key), str)
    }
    fields["kind"] = _KINDS.get(name)
    fields["state"] = None if name == "$screen" else params.get(_SCREEN)
    if name == "$autocapture":
        fields["kind"] = _GESTURES.get(str(params.get("$event_type")))
    if name in ("$autocapture", *_SIGNALS):
        fields["element_text"], fields["element_selector"] = element_of(params)
    if name in _SIGNALS:
        fields[_SIGNALS[name]] = 1
    return fields | _about(name, params) | _money(params)


def _about(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """What single events say in fields of their own."""
    if name == "$pageview":
        return {"page_title": params.get("title")}
    if name == "$pageleave":
        seconds = fitting(params.get("$prev_pageview_duration"), float)
        return {"page_duration_ms": None if seconds is None else round(seconds * 1000)}
    if name == "$create_alias":
        params.setdefault("previous_id", params.get("alias"))
    if name == "$exception":
        return {"info": _message(params)}
    return {}


def _message(params: Mapping[str, Any]) -> Any:
    """What an exception says: the newest of its chain."""
    chain = params.get("$exception_list")
    first = chain[0] if isinstance(chain, list) and chain else None
    return first.get("value") if isinstance(first, dict) else params.get("$exception_message")


def _money(params: Mapping[str, Any]) -> dict[str, Any]:
    amount = params.get("revenue")
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return {}
    return {"amount": amount, "currency": params.get("currency")}
