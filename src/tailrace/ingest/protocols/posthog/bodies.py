"""Bodies, as SDKs new and old wrap them: whose they are, and which events they hold."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from tailrace.ingest.lzstring import unpack_lzstring
from tailrace.ingest.protocols.base import Sent, Split
from tailrace.ingest.protocols.posthog.times import lenient_time
from tailrace.ingest.texts import decode_cut
from tailrace.model.errors import TailraceError

_MOST = 1 << 24  # letters of a packed body, unpacked
_KEYS = ("api_key", "token", "$token")
_BEARER = "bearer "
_NONE = msgspec.Raw(b"")


class Envelope(msgspec.Struct):
    """What is around events: a batch, or the members of a single event that are the request's."""

    batch: list[msgspec.Raw] | None = None
    event: msgspec.Raw = _NONE
    sent_at: Any = None


class _Body(Struct, frozen=True):
    """A body unwrapped: its events, each by itself, and when it was sent, as it says."""

    raws: Sequence[bytes]
    key: str | None = None
    sent_at: Any = None


class _Keyed(msgspec.Struct):
    api_key: Any = None
    token: Any = None
    dollar: Any = msgspec.field(name="$token", default=None)
    properties: msgspec.Raw = _NONE


_envelope = msgspec.json.Decoder(Envelope)
_keyed = msgspec.json.Decoder(_Keyed)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder(dict[str, Any])


def key_of(sent: Sent) -> str | None:
    """A bearer token, a key in the query, one in the body, else one among the properties of the first event."""
    authorization = sent.headers.get("authorization", "")
    if authorization.lower().startswith(_BEARER):
        return authorization[len(_BEARER) :].strip() or None
    if key := next((sent.query[name] for name in _KEYS if sent.query.get(name)), None):
        return key
    try:
        return _read(sent).key
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def mine(sent: Sent) -> bool:
    """Whether the body holds events in one of this protocol's ways."""
    try:
        _read(sent)
    except (msgspec.DecodeError, ValueError, RecursionError, TailraceError):
        return False
    return True


def split(sent: Sent) -> Split:
    """The events of a request, without the key that some SDKs put into each."""
    body = _read(sent)
    sdk = sent.headers.get("posthog-sdk-info")
    told = sent.headers.get("posthog-request-timestamp") or body.sent_at or sent.query.get("_")
    context = {
        "sent_at": lenient_time(told),
        "address": None if sent.query.get("ip") == "0" else sent.address,
    }
    keys = (key_of(sent), body.key)
    return Split([_without(keys, raw) for raw in body.raws], context | ({"sdk": sdk} if sdk else {}))


def _read(sent: Sent) -> _Body:
    return decode_cut(_unwrapped, _json(sent))


def _unwrapped(text: bytes) -> _Body:
    if text.startswith(b"["):
        listed = [bytes(raw) for raw in _list.decode(text)]
        return _Body(listed, _key_in(listed[0]) if listed else None)
    around = _envelope.decode(text)
    raws = [text] if around.batch is None else [bytes(raw) for raw in around.batch]
    if around.batch is None and not bytes(around.event):
        raise ValueError("no `batch` and no `event`")
    key = _key_in(text) or (_key_in(raws[0]) if raws else None)
    return _Body(raws, key, around.sent_at)


def _key_in(text: bytes) -> str | None:
    """The key that an object says, or one among its properties."""
    try:
        found = _keyed.decode(text)
    except msgspec.ValidationError:
        return None
    said = (found.api_key, found.token, found.dollar)
    key = next((key for key in said if isinstance(key, str) and key), None)
    return key or (_key_in(bytes(found.properties)) if bytes(found.properties) else None)


def _json(sent: Sent) -> bytes:
    """The JSON text of a request: its body, or `data` of a form or of the query, as it is, in base64 or packed."""
    body = sent.body.strip()
    if body[:1] in (b"{", b"["):
        return body
    form = parse_qs(body.decode()) if body.startswith((b"data=", b"compression=")) else {}
    said = {name: values[-1] for name, values in form.items()} | ({} if body else dict(sent.query))
    data = said.get("data") or body.decode()
    compression = said.get("compression") or sent.query.get("compression", "")
    if compression.startswith("lz"):
        return unpack_lzstring(data.replace(" ", "+"), _MOST).encode()
    return data.encode() if data[:1] in ("{", "[") else _from_base64(data)


def _from_base64(data: str) -> bytes:
    try:
        return base64.b64decode(data.replace(" ", "+"), validate=True).strip()
    except binascii.Error:
        raise ValueError("the body is neither JSON nor a packed form of it") from None


def _without(keys: Sequence[str | None], raw: bytes) -> bytes:
    """An event without the keys of its app, which nothing may keep."""
    if not any(key and key.encode() in raw for key in keys):
        return raw
    try:
        event = _any.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return raw
    for holder in (event, event.get("properties")):
        if isinstance(holder, dict):
            for name in [name for name in _KEYS if holder.get(name) in keys]:
                holder.pop(name, None)
    return msgspec.json.encode(event)
