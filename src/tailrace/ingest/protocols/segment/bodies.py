"""Bodies: whose they are, and which messages they hold."""

import base64
import re
from typing import Any

import msgspec

from tailrace.ingest.protocols.base import Sent, Split
from tailrace.ingest.protocols.segment.values import lenient_moment, object_of
from tailrace.ingest.texts import split_batch
from tailrace.model.errors import Malformed

_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
_KEY = re.compile(rb',\s*"writeKey"\s*:\s*"[^"\\]*"|"writeKey"\s*:\s*"[^"\\]*"\s*,?')


class Envelope(msgspec.Struct, rename="camel"):
    """The body of a batch; its context is under that of each message."""

    batch: list[msgspec.Raw]
    sent_at: Any = None
    context: Any = None


class Outside(msgspec.Struct, rename="camel"):
    """What matters of a body, whatever it holds."""

    write_key: Any = None
    sent_at: Any = None


_envelope = msgspec.json.Decoder(Envelope)
_outside = msgspec.json.Decoder(Outside)


def key_of(sent: Sent) -> str | None:
    """The user name of Basic, else `writeKey` of the body.

    Raises:
        Malformed: neither is there, and the body is no object.
    """
    return _user_name(sent.headers.get("authorization", "")) or _key_in(sent.body)


def split_envelope(sent: Sent) -> Split:
    """The messages of a batch."""
    envelope, raws = _opened(sent.body)
    sent_at = lenient_moment(envelope.sent_at)
    shared = {"sent_at": sent_at, "address": sent.address, "context": object_of(envelope.context)}
    return Split([_without_key(raw) for raw in raws], shared)


def split_single(call: str, sent: Sent) -> Split:
    """The one message of a body; the path says which call it is."""
    sent_at = lenient_moment(_outside.decode(sent.body).sent_at)
    return Split([_without_key(sent.body)], {"sent_at": sent_at, "address": sent.address, "call": call})


def _user_name(authorization: str) -> str | None:
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(text).decode().partition(":")[0]
    except ValueError:
        return None


def _key_in(body: bytes) -> str | None:
    """The key in a body; a record that is broken does not hide it."""
    try:
        key = _outside.decode(body).write_key
    except _UNREADABLE as error:
        try:
            key = _outside.decode(split_batch(body)[0]).write_key
        except _UNREADABLE:
            raise Malformed(str(error)) from None
    return key if isinstance(key, str) else None


def _opened(body: bytes) -> tuple[Envelope, list[bytes]]:
    """A batch and its messages; one that is broken does not spoil the others."""
    try:
        envelope = _envelope.decode(body)
    except msgspec.ValidationError:
        raise
    except _UNREADABLE as error:
        try:
            rest, raws = split_batch(body)
            return _envelope.decode(rest), raws
        except _UNREADABLE:
            raise error from None
    return envelope, [bytes(raw) for raw in envelope.batch]


def _without_key(raw: bytes) -> bytes:
    """A message without the write key that browsers put into each: what is kept of it may be read by others."""
    return _KEY.sub(b"", raw) if b'"writeKey"' in raw else raw
