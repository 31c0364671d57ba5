"""Amplitude's HTTP V2 and batch upload, as its SDKs send to them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

import msgspec

from tailrace.ingest.accept import Outcome
from tailrace.ingest.draft import Draft
from tailrace.ingest.protocols.base import Answer, IngestProtocol, Intake, Sent, Split, json_answer
from tailrace.ingest.protocols.instants import instant
from tailrace.ingest.protocols.traits import profile_of
from tailrace.ingest.rows import Row, draft_rows, fitting
from tailrace.ingest.texts import decode_cut
from tailrace.model.errors import Malformed, TailraceError, TooSoon, Unauthorized, Unavailable

_NONE = msgspec.Raw(b"")
_OUT_OF_SESSION = -1
_REMOTE = "$remote"  # an event's `ip` that asks for the sender's address
# Members of an event, by the session field that holds them.
_SESSION = {
    "app_version": "app_version",
    "os_name": "os_name",
    "os_version": "os_version",
    "device_manufacturer": "device_manufacturer",
    "device_model": "device_model",
    "language": "locale",
    "region": "region",
    "city": "city",
    "location_lat": "latitude",
    "location_lng": "longitude",
    "user_agent": "user_agent",
}
# Members that say something of the whole session and have no field.
_PROPERTIES = ("carrier", "dma", "device_brand", "version_name", "partner_id", "plan", "ingestion_metadata")
_DEVICE_IDS = {"idfa": "idfa", "idfv": "idfv", "adid": "advertising_id", "android_id": "android_id"}
_READ = (
    *("event_type", "user_id", "device_id", "insert_id", "time", "session_id"),
    *("event_properties", "platform", "library", "ip", "country"),
)
_HELD = frozenset((*_READ, *_SESSION, *_DEVICE_IDS, *_PROPERTIES))
_KINDS = {
    "$identify": "identify",
    "$groupidentify": "group",
    "[Amplitude] Page Viewed": "page",
    "[Amplitude] Screen Viewed": "screen",
    "[Amplitude] Element Clicked": "click",
    "[Amplitude] Element Tapped": "click",
    "[Amplitude] Rage Click": "click",
    "[Amplitude] Dead Click": "click",
    "[Amplitude] Element Changed": "change",
    "[Amplitude] Error Logged": "error",
}
_SIGNALS = {"[Amplitude] Rage Click": "signal_frustrated", "[Amplitude] Dead Click": "signal_dead"}
_ENDS = frozenset(("session_end", "[Amplitude] End Session"))
# Event properties that the SDKs for browsers and phones set themselves, by the event field that holds them.
_FIELDS = {
    "[Amplitude] Page URL": "page_url",
    "[Amplitude] Page Location": "page_url",
    "[Amplitude] Page Title": "page_title",
    "[Amplitude] Element Text": "element_text",
    "[Amplitude] Element Selector": "element_selector",
}
_SCREEN = "[Amplitude] Screen Name"
_MONEY = ("price", "quantity", "revenue")
# All places of any batch: SDKs wait 30 s with events that they are told are throttled, but else give up in 10 s.
_EVERY_PLACE = list(range(2_000))


class Upload(msgspec.Struct):
    """The body of a request. `client_upload_time` is ISO 8601."""

    events: list[msgspec.Raw]
    client_upload_time: str | None = None


class _Probe(msgspec.Struct):
    """What tells an upload from other senders' batches."""

    api_key: str | None = None
    events: msgspec.Raw = _NONE


_upload = msgspec.json.Decoder(Upload)
_probe = msgspec.json.Decoder(_Probe)
_event = msgspec.json.Decoder(dict[str, Any])


def key_of(sent: Sent) -> str | None:
    """`api_key` of the body."""
    found = _probed(sent)
    return found.api_key if found else None


def mine(sent: Sent) -> bool:
    """Whether the body is an object that has `events`."""
    found = _probed(sent)
    return found is not None and bool(bytes(found.events))


def _probed(sent: Sent) -> _Probe | None:
    try:
        return decode_cut(_probe.decode, sent.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def split(sent: Sent) -> Split:
    """The events of an upload."""
    upload = decode_cut(_upload.decode, sent.body)
    try:
        sent_at = instant(upload.client_upload_time)
    except ValueError:
        sent_at = None
    return Split([bytes(raw) for raw in upload.events], {"sent_at": sent_at, "address": sent.address})


def draft(raws: Sequence[bytes], context: Mapping[str, Any]) -> Draft:
    """Read events."""
    return draft_rows(raws, partial(_row, context), sent_at=context.get("sent_at"))


def _row(shared: Mapping[str, Any], raw: bytes) -> Row:
    event = {name: value for name, value in _event.decode(raw).items() if value is not None}
    name = fitting(event.get("event_type"), str) or ""
    params = _params(event)
    screen = fitting(params.get(_SCREEN), str)
    return Row(
        event=screen or name if _KINDS.get(name) == "screen" else name,
        id=fitting(event.get("insert_id"), str),
        time=_number(event, "time"),
        user_id=fitting(event.get("user_id"), str) or _group(event),
        device_id=fitting(event.get("device_id"), str),
        session_id=_session_id(event),
        params=params,
        session=_session(event, shared.get("address")),
        session_end=name in _ENDS,
        profile=profile_of(_traits(event)),
        fields=_fields(name, params, screen),
    )


def _params(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event's properties, and each member that nothing else holds under its name behind a `$`."""
    rest = {f"${name}": value for name, value in event.items() if name not in _HELD}
    properties = event.get("event_properties", {})
    return rest | (properties if isinstance(properties, dict) else {"$event_properties": properties})


def _traits(event: Mapping[str, Any]) -> dict[str, Any]:
    """What is set outright. Operations on what was there before are not."""
    said = _object(event, "user_properties")
    return {name: value for name, value in said.items() if not name.startswith("$")} | _object(said, "$set")


def _group(event: Mapping[str, Any]) -> str | None:
    """Who stands in for the user where an event is about a group alone."""
    if event.get("event_type") != "$groupidentify" or event.get("device_id"):
        return None
    return next((f"${kind}_{name}" for kind, name in _object(event, "groups").items()), None)


def _session_id(event: Mapping[str, Any]) -> str | None:
    number = fitting(event.get("session_id"), str)
    return None if number in (None, "", str(_OUT_OF_SESSION)) else number


def _session(event: Mapping[str, Any], address: str | None) -> dict[str, Any]:
    session = {field: event[name] for name, field in _SESSION.items() if name in event}
    session.setdefault("app_version", event.get("version_name"))
    session.setdefault("device_manufacturer", event.get("device_brand"))
    properties = {name: event[name] for name in _PROPERTIES if name in event}
    country = event.get("country")
    if isinstance(country, str) and len(country) == 2:
        session["country"] = country.upper()
    elif country:
        properties["country"] = country
    if (platform := event.get("platform")) is not None:
        session["platform"] = platform.lower() if isinstance(platform, str) else platform
    if isinstance(library := event.get("library"), str):
        session["sdk_name"], _, session["sdk_version"] = library.partition("/")
    session["ip"] = address if event.get("ip") == _REMOTE else event.get("ip")
    ids = {kind: fitting(event.get(name), str) for name, kind in _DEVICE_IDS.items()}
    session["device_ids"] = {kind: value for kind, value in ids.items() if value} or None
    session["properties"] = properties or None
    return session


def _fields(name: str, params: Mapping[str, Any], screen: str | None) -> dict[str, Any]:
    kind = _KINDS.get(name)
    fields: dict[str, Any] = {field: params[key] for key, field in _FIELDS.items() if key in params}
    if name in _SIGNALS:
        fields[_SIGNALS[name]] = 1
    if kind == "page":
        fields["page_referrer"] = params.get("referrer")
    if kind != "screen":
        fields["state"] = screen
    amount = _amount(params)
    currency = params.get("$currency") if amount is not None else None
    return fields | {"kind": kind, "amount": amount, "currency": currency}


def _amount(params: Mapping[str, Any]) -> float | None:
    """Price times quantity where there is a price, else the revenue; counted in decimals, as it was written."""
    price, quantity, revenue = (_decimal(params.get(f"${name}")) for name in _MONEY)
    if price:
        return float(price * (1 if quantity is None else quantity))
    found = price if revenue is None else revenue
    return None if found is None else float(found)


def _decimal(value: Any) -> Decimal | None:
    number = fitting(value, float)
    try:
        return None if number is None else Decimal(str(number))
    except InvalidOperation:
        return None


def _number(event: Mapping[str, Any], name: str) -> int | None:
    if name not in event:
        return None
    number: int | None = fitting(event[name], int)
    if number is None:
        raise ValueError(f"{name}: must be a whole number")
    return number


def _object(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def _reply(sent: Sent, outcome: Outcome) -> Answer:
    taken = sum(records.num_rows for records in outcome.submission.records.values())
    return json_answer(
        {
            "code": 200,
            "events_ingested": taken,
            "payload_size_bytes": len(sent.body),
            "server_upload_time": sent.received_at,
        }
    )


def _refuse(status: int, error: TailraceError) -> Answer:
    """SDKs go by `code` of the body. A missing field makes them give up, which only those events deserve that no
    later attempt could bring in.
    """
    if isinstance(error, Unauthorized):
        return json_answer({"code": 400, "error": "Invalid API key: no app has it"}, 400)
    if isinstance(error, TooSoon | Unavailable):
        return json_answer({"code": 429, "error": str(error), "throttled_events": _EVERY_PLACE}, 429)
    told = {"code": status, "error": str(error)}
    return json_answer(told | {"missing_field": "events"} if isinstance(error, Malformed) else told, status)


AMPLITUDE = IngestProtocol(
    name="amplitude",
    key_of=key_of,
    draft=draft,
    intakes=(Intake(("/2/httpapi", "/batch"), ("POST",), split, _reply, mine),),
    inert=(),
    refuse=_refuse,
)
