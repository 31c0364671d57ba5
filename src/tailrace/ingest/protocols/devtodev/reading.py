"""Records in rows."""

import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from tailrace.ingest.draft import Draft
from tailrace.ingest.protocols.devtodev.meanings import COMMON, MEANINGS, SENDER, Meaning, Said
from tailrace.ingest.protocols.devtodev.splitting import Record, actor_of, opened
from tailrace.ingest.protocols.devtodev.values import id_text, instant
from tailrace.ingest.rows import Row, draft_rows
from tailrace.model.hashing import key_of_record

Members = dict[str, Any]

_record = msgspec.json.Decoder(Record)
_members = msgspec.json.Decoder(Members)
_canonical = msgspec.json.Encoder(order="deterministic").encode
_CUSTOM = "ce"
_HEAD = frozenset(("code", "timestamp", "sessionId", "parameters"))
_IDS = frozenset(("deviceId", "previousDeviceId", "userId", "previousUserId"))


def draft(raws: Sequence[bytes], context: Mapping[str, Any]) -> Draft:
    """Read records."""
    return draft_rows(raws, partial(_row, context.get("address")), sent_at=None)


def _row(address: str | None, raw: bytes) -> Row:
    record = _record.decode(raw)
    for unopened, name in ((record.report, "packages"), (record.package, "events")):
        if bytes(unopened):
            opened(bytes(unopened), name)  # says what is wrong with it
    sender, event = _members.decode(record.sender), _members.decode(record.event)
    if record.previous is not None:
        return _alias(sender, event, record.previous)
    return _event(sender, event, record.occurrence, address)


def _event(sender: Members, event: Members, occurrence: int, address: str | None) -> Row:
    name, meaning = _meaning(event)
    said = _said(sender, event, meaning)
    said.session.setdefault("ip", address)
    meaning.after(said)
    return Row(
        event=name,
        id=_identity(sender, event, said.time, occurrence),
        time=said.time,
        user_id=id_text(sender.get("userId")),
        device_id=_device_id(sender),
        session_id=id_text(event.get("sessionId")),
        params=said.params,
        session=said.session | {"device_ids": said.device_ids or None, "properties": said.properties or None},
        profile=said.profile | {"attributes": said.attributes or None},
        fields=said.fields | {"kind": meaning.kind},
    )


def _alias(sender: Members, event: Members, previous: str) -> Row:
    """Two ids are one user. It stands beside an event of theirs, and is stored once however often it is repeated."""
    return Row(
        event="alias",
        id=key_of_record(actor_of(sender) or "", None, 0, _canonical({"previous": previous})).hex(),
        time=instant(event.get("timestamp")),
        user_id=id_text(sender.get("userId")),
        device_id=_device_id(sender),
        session_id=id_text(event.get("sessionId")),
        params={"previous_id": previous},
        fields={"kind": "alias"},
    )


def _meaning(event: Members) -> tuple[str, Meaning]:
    """The name of an event, and its meaning; one with a code that nobody knows is the app's own, named by the code."""
    code = event.get("code")
    if not isinstance(code, str):
        raise ValueError("code: a text is needed")
    if code == _CUSTOM:
        return id_text(event.get("name")) or "", Meaning(kind=None)
    meaning = MEANINGS.get(code, Meaning(code, kind=None))
    return meaning.event, meaning


def _said(sender: Members, event: Members, meaning: Meaning) -> Said:
    head = _HEAD | {"name"} if event["code"] == _CUSTOM else _HEAD
    parameters = event.get("parameters")
    said = Said(instant(event.get("timestamp")))
    said.sort(_given(sender, _IDS), SENDER, "properties")
    said.sort(_given(event, head), {**COMMON, **meaning.moves}, "params")
    if isinstance(parameters, dict):
        said.sort(parameters, meaning.moves, "params")
    elif parameters is not None:
        said.params["parameters"] = parameters
    return said


def _given(members: Members, but: frozenset[str] | set[str]) -> Members:
    return {name: value for name, value in members.items() if name not in but and value is not None}


def _identity(sender: Members, event: Members, time: int | None, occurrence: int) -> str:
    """There is no message id: device, time, code and content decide, and which of its equals it is.

    Without a time nothing tells a resend from the same thing happening again: both are kept.
    """
    if time is None:
        return secrets.token_hex(16)
    return key_of_record(actor_of(sender) or "", time, occurrence, _canonical(event)).hex()


def _device_id(sender: Members) -> str | None:
    """A sender without an id of its own is known by the number that the vendor gave it."""
    device = id_text(sender.get("deviceId"))
    return device or (None if id_text(sender.get("userId")) else id_text(sender.get("devtodevId")))
