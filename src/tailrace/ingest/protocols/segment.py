"""Segment's HTTP tracking: batches and single messages as its SDKs, and those made after them, send them."""

import base64
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from tailrace.ingest.accept import Outcome
from tailrace.ingest.draft import Draft
from tailrace.ingest.protocols.base import Answer, Inert, IngestProtocol, Intake, Sent, Split, json_answer
from tailrace.ingest.protocols.instants import instant
from tailrace.ingest.rows import Row, draft_rows
from tailrace.model.errors import TailraceError

_CALLS = ("track", "identify", "page", "screen", "group", "alias")
_NONE = msgspec.Raw(b"")


class Batch(msgspec.Struct, rename="camel"):
    """The body of a batch; its context is under that of each message."""

    batch: list[msgspec.Raw]
    write_key: str | None = None
    sent_at: str | None = None
    context: dict[str, Any] = msgspec.field(default_factory=dict)


class Message(msgspec.Struct, rename="camel"):
    """One message. Which members matter depends on `type`."""

    type: str = ""
    event: str | None = None
    name: str | None = None
    message_id: str | None = None
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    previous_id: str | int | None = None
    group_id: str | int | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


class _Keyed(msgspec.Struct, rename="camel"):
    write_key: str | None = None
    sent_at: str | None = None


_batch = msgspec.json.Decoder(Batch)
_message = msgspec.json.Decoder(Message)
_keyed = msgspec.json.Decoder(_Keyed)


def key_of(sent: Sent) -> str | None:
    """The user name of Basic, else `writeKey` of the body, else the key in the path."""
    scheme, _, text = sent.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(text).decode().partition(":")[0] or None
        except ValueError:
            return None
    try:
        return _keyed.decode(sent.body).write_key
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def split_batch(sent: Sent) -> Split:
    """The messages of a batch."""
    batch = _batch.decode(sent.body)
    context = {"sent_at": instant(batch.sent_at), "address": sent.address, "context": batch.context}
    return Split([bytes(raw) for raw in batch.batch], context)


def split_single(call: str, sent: Sent) -> Split:
    """The one message of a body; the path says which call it is."""
    sent_at = instant(_keyed.decode(sent.body).sent_at)
    return Split([sent.body], {"sent_at": sent_at, "address": sent.address, "call": call})


def draft(raws: Sequence[bytes], context: Mapping[str, Any]) -> Draft:
    """Read messages."""
    return draft_rows(raws, partial(_row, context), sent_at=context.get("sent_at"))


def _row(shared: Mapping[str, Any], raw: bytes) -> Row:
    message = _message.decode(raw)
    context = {**shared.get("context", {}), **(message.context or {})}
    call = shared.get("call") or message.type
    return Row(
        event=message.event or message.name or call,
        id=message.message_id,
        time=instant(message.timestamp or message.original_timestamp),
        user_id=_text(message.user_id),
        device_id=_text(message.anonymous_id),
        params=message.properties or {},
        session={"locale": context.get("locale")},
        fields={"kind": None if call == "track" else call},
    )


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _reply(_sent: Sent, _outcome: Outcome) -> Answer:
    return json_answer({"success": True})


def _settings(_sent: Sent) -> Answer:
    return json_answer({"integrations": {}, "plan": {}})


def _refuse(status: int, error: TailraceError) -> Answer:
    return json_answer({"success": False, "message": str(error), "code": error.code}, status)


SEGMENT = IngestProtocol(
    name="segment",
    key_of=key_of,
    draft=draft,
    intakes=(
        Intake(("/v1/batch", "/v1/b", "/b"), ("POST",), split_batch, _reply),
        *(Intake((f"/v1/{call}",), ("POST",), partial(split_single, call), _reply) for call in _CALLS),
    ),
    inert=(Inert(("/v1/projects/{key}/settings", "/projects/{key}/settings"), ("GET",), _settings),),
    refuse=_refuse,
)
