"""Requests as records: one for each thing that a request says, with the members that all of them need."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec

from tailrace.ingest.protocols.base import Sent, Split
from tailrace.ingest.protocols.countly.members import (
    ENVELOPE,
    SAYING,
    Members,
    elements,
    flag,
    members_in,
    members_of,
    text_of,
)
from tailrace.model.errors import Malformed

# Not kept: the key, and what the resend of a request may say otherwise (how many still wait, sums over that).
_UNSAID = frozenset(("app_key", "rr", "checksum", "checksum256", "no_redirect"))
_MISSING = 'Missing parameter "app_key" or "device_id"'
_encode = msgspec.json.Encoder(order="deterministic").encode


def key_of(sent: Sent) -> str:
    """`app_key` of body or query; a bulk without one goes by its first request that has one.

    Raises:
        Malformed: there is none, or the body cannot be read: both are bad requests in this protocol.
    """
    try:
        members = members_of(sent)
        inner = (members_in(text) for text in elements(members["requests"])) if "requests" in members else ()
        key = next(filter(None, (text_of(one.get("app_key")) for one in chain([members], inner))), None)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if key is None:
        raise Malformed(_MISSING)
    return key


def split_request(sent: Sent) -> Split:
    """The records of one request."""
    members = members_of(sent)
    if not text_of(members.get("device_id")):
        raise Malformed(_MISSING)
    return Split(_records(members, 0), {"address": sent.address, "user_agent": sent.headers.get("user-agent")})


def split_bulk(sent: Sent) -> Split:
    """The records of many requests of one app, in their order. A request that cannot be taken spoils no other."""
    members = members_of(sent)
    if "requests" not in members:
        raise Malformed('Missing parameter "requests"')
    key = key_of(sent)
    seen: Counter[bytes] = Counter()
    raws: list[bytes] = []
    for text in elements(members["requests"]):
        request = members_in(text)
        own = text_of(request.get("app_key")) or key
        if not request or own != key:
            raws.append(_unfit(text, (key, own), "foreign" if request else "broken"))
            continue
        said = _encode(_without(_UNSAID, request))
        raws += _records(request, seen[said])
        seen[said] += 1
    return Split(raws, {"address": sent.address})


def _unfit(text: msgspec.Raw, keys: Sequence[str], part: str) -> bytes:
    """A request of a bulk that cannot be taken, as the record of a dead letter. No key stays in it."""
    shown = bytes(text).decode(errors="replace")
    for key in keys:
        shown = shown.replace(key, "")
    return _encode({"part": part, "request": {}, "value": shown})


def _records(members: Members, twin: int) -> list[bytes]:
    """A record per thing that is said; `twin` tells a request from equal ones before it in the same bulk.

    These texts are what dedupe keys are made of: the same request gives the same, in whatever company it comes.
    """
    common = msgspec.Raw(_encode(_without(_UNSAID | SAYING, members)))
    parts = list(_parts({name: raw for name, raw in members.items() if text_of(raw)}))
    if not parts and members.keys() - _UNSAID - SAYING - ENVELOPE:
        parts = [("update", None)]
    return [
        _encode({"part": part, "place": place, "twin": twin, "request": common, "value": value})
        for place, (part, value) in enumerate(parts)
    ]


def _without(names: frozenset[str], members: Members) -> Members:
    return {name: raw for name, raw in members.items() if name not in names}


def _parts(members: Members) -> Iterator[tuple[str, Any]]:
    """What a request says, the end of a session last."""
    lasted = members.get("session_duration")
    if "old_device_id" in members:
        yield "alias", members["old_device_id"]
    if flag(members.get("begin_session")):
        yield "begin", lasted
    if "user_details" in members:
        yield "user", members["user_details"]
    if "events" in members:
        yield from (("event", event) for event in _events(members["events"]))
    yield from ((part, members[part]) for part in ("crash", "apm", "consent") if part in members)
    ended = flag(members.get("end_session"))
    if lasted is not None or ended:
        yield "active", {"seconds": lasted, "ended": ended}


def _events(raw: msgspec.Raw) -> Sequence[msgspec.Raw]:
    """The events; what is no array is one event that cannot be read."""
    try:
        return elements(raw)
    except ValueError:
        return [raw]
