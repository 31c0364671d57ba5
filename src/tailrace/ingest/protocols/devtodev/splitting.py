"""Requests in records: one event each, with all that its report and package say of its sender.

So each can be read by itself, now or as a dead letter later.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tailrace.ingest.protocols.base import Sent, Split
from tailrace.ingest.protocols.devtodev.values import id_text
from tailrace.ingest.texts import split_batch

_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
_NONE = msgspec.Raw(b"")
_Members = dict[str, msgspec.Raw]
_Seen = Counter[tuple[str | None, bytes]]


class Record(msgspec.Struct):
    """An event and its sender; or a report or a package that cannot be opened.

    `occurrence` counts the equal events of the sender that came before it in its request. With `previous`, the event
    only says when the sender was known to have had another id.
    """

    sender: msgspec.Raw = _NONE
    event: msgspec.Raw = _NONE
    report: msgspec.Raw = _NONE
    package: msgspec.Raw = _NONE
    previous: str | None = None
    occurrence: int = 0


_members = msgspec.json.Decoder(_Members)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_plain = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


def split(sent: Sent) -> Split:
    """The events of all packages of all reports, and what reports say of former ids.

    Raises:
        ValueError: the body holds no reports.
        msgspec.DecodeError: it is no JSON.
    """
    _, reports = opened(sent.body, "reports")
    seen: _Seen = Counter()
    return Split([raw for report in reports for raw in _of_report(report, seen)], {"address": sent.address})


def opened(raw: bytes, name: str) -> tuple[_Members, list[bytes]]:
    """An object without its array `name`, and the elements of that. A broken element does not spoil the others.

    Raises:
        ValueError: it is no such object.
        msgspec.DecodeError: it is no JSON.
    """
    try:
        return _taken(raw, name)
    except msgspec.ValidationError as error:
        raise ValueError(f"an object with the array {name} is needed: {error}") from None
    except (msgspec.DecodeError, RecursionError):
        rest, elements = split_batch(raw, name)
        return _taken(rest, name)[0], elements


def actor_of(sender: Mapping[str, Any]) -> str | None:
    """Whose events a sender's are."""
    return id_text(sender.get("deviceId")) or id_text(sender.get("userId")) or id_text(sender.get("devtodevId"))


def _taken(raw: bytes, name: str) -> tuple[_Members, list[bytes]]:
    members = _members.decode(raw)
    if name not in members:
        raise ValueError(f"an object with the array {name} is needed")
    return members, [bytes(element) for element in _elements.decode(members.pop(name))]


def _of_report(raw: bytes, seen: _Seen) -> Iterator[bytes]:
    try:
        report, packages = opened(raw, "packages")
    except _UNREADABLE:
        yield b'{"report":%b}' % raw
        return
    first = b"{}"
    for package in packages:
        try:
            about, events = opened(package, "events")
        except _UNREADABLE:
            yield b'{"package":%b}' % package
            continue
        first = events[0] if events and first == b"{}" else first
        yield from _of_package(_encode(about | report), events, seen)
    yield from _former_ids(_encode(report), first)


def _of_package(sender: bytes, events: Sequence[bytes], seen: _Seen) -> Iterator[bytes]:
    """Equal events of one sender in one request are numbered: none is a resend of another."""
    who = actor_of(_readable(sender))
    for event in events:
        yield b'{"sender":%b,"occurrence":%d,"event":%b}' % (sender, seen[who, event], event)
        seen[who, event] += 1


def _former_ids(sender: bytes, event: bytes) -> Iterator[bytes]:
    """The ids that were replaced: of a device that got another one, of a user who was renamed."""
    said = _readable(sender)
    for former, present in (("previousDeviceId", "deviceId"), ("previousUserId", "userId")):
        previous = id_text(said.get(former))
        if previous and previous != id_text(said.get(present)):
            yield b'{"sender":%b,"previous":%b,"event":%b}' % (sender, _encode(previous), event)


def _readable(sender: bytes) -> dict[str, Any]:
    """What a sender says; nothing if it cannot be read, which each of its events will say."""
    try:
        return _plain.decode(sender)
    except _UNREADABLE:
        return {}
