"""Messages as events."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from tailrace.ingest.draft import Draft
from tailrace.ingest.protocols.instants import moment
from tailrace.ingest.protocols.segment.contexts import session_id_of, session_of
from tailrace.ingest.protocols.segment.pages import kind_of, page_of
from tailrace.ingest.protocols.segment.traits import profile_of, with_group
from tailrace.ingest.protocols.segment.values import Json, filled, lenient_moment, object_of, text_of
from tailrace.ingest.rows import Row, draft_rows, fitting

CALLS = ("track", "identify", "page", "screen", "group", "alias")
_SEEN = ("page", "screen")  # these are named after what was seen, the others after themselves

_message = msgspec.json.Decoder(Json)


def draft(raws: Sequence[bytes], shared: Mapping[str, Any]) -> Draft:
    """Read messages."""
    return draft_rows(raws, partial(_row, shared), sent_at=shared.get("sent_at"))


def _row(shared: Mapping[str, Any], raw: bytes) -> Row:
    """A message as an event. What is read is taken out of it; what is left in the end is a parameter."""
    message = _message.decode(raw)
    own = text_of(message.pop("type", None))
    call = shared.get("call") or own or "track"
    context = object_of(shared.get("context")) | object_of(message.pop("context", None), "context")
    properties = object_of(message.pop("properties", None), "properties")
    traits = object_of(message.pop("traits", None), "traits")
    said = object_of(context.pop("traits", None), "traits")
    row = Row(
        event=_event(message, call),
        id=_id(message, "messageId"),
        time=moment(message.pop("timestamp", None) or message.pop("originalTimestamp", None)),
        user_id=_id(message, "userId"),
        device_id=_id(message, "anonymousId"),
        session_id=session_id_of(context, message.get("integrations")),
        fields=_fields(message, call, context, shared) | _money(properties) | _page(message, call, context, properties),
    )
    group_id = _id(message, "groupId")
    row.session = session_of(context, message, shared.get("address") or "")
    row.profile = profile_of(said if call == "group" else said | traits, row.time)
    if call == "group":
        row.profile = with_group(row.profile, group_id, traits)
    about = (said if call == "identify" else {}) | traits | properties
    row.params = _params(message, group_id, about)
    return row


def _event(message: Json, call: str) -> str:
    """The event's name. A track call without one has none."""
    if call in _SEEN:
        return _taken_text(message, "name") or text_of(message.get("category")) or call
    if call in CALLS and call != "track":
        return call
    return _taken_text(message, "event") or ("" if call == "track" else call)


def _fields(message: Json, call: str, context: Json, shared: Mapping[str, Any]) -> Json:
    """The kind, and when it was sent where only the message says so."""
    sent_at = lenient_moment(message.pop("sentAt", None))
    fields: Json = {"kind": kind_of(context) if call == "track" else call}
    return fields if sent_at is None or shared.get("sent_at") is not None else fields | {"sent_at": sent_at}


def _page(message: Json, call: str, context: Json, properties: Json) -> Json:
    if call != "page":
        return page_of(context, {}, None)
    return page_of(context, properties, message.pop("category", None))


def _money(properties: Json) -> Json:
    """The reserved properties `value`, and `revenue` with its `currency`: dollars, where none is named."""
    value, revenue = (fitting(properties.get(name), float) for name in ("value", "revenue"))
    currency = text_of(properties.get("currency")) or "USD"
    return {"value": value, "amount": revenue, "currency": None if revenue is None else currency}


def _params(message: Json, group_id: str | None, about: Json) -> Json:
    """What the call is about, and beside it what has no other place, under another name where its own is in use."""
    beside = filled({"previous_id": _id(message, "previousId"), "group_id": group_id} | message)
    other = {name: value for name, value in beside.items() if name not in about or about[name] != value}
    return {f"message_{name}" if name in about else name: value for name, value in other.items()} | about


def _id(message: Json, name: str) -> str | None:
    value = message.pop(name, None)
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise ValueError(f"{name}: must be a text or a number")
    return text_of(value)


def _taken_text(message: Json, name: str) -> str | None:
    text = text_of(message.get(name))
    if text is not None:
        del message[name]
    return text
