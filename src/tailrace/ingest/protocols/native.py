"""The native protocol: ``POST /v1/events`` and files of the same records."""

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from tailrace.ingest.context import profile_text, session_text
from tailrace.ingest.draft import Draft, Rejected, draft_of
from tailrace.ingest.halves import mend
from tailrace.ingest.reasons import reason_of
from tailrace.ingest.texts import object_text, object_texts, split_batch

Int = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)] | Int | None
_NONE = msgspec.Raw(b"")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class Page(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The page view that holds the event; times in ms."""

    id: str | None = None
    url: str | None = None
    referrer: str | None = None
    title: str | None = None
    duration_ms: Int | None = None
    active_ms: Int | None = None
    infos: Int | None = None
    warnings: Int | None = None
    errors: Int | None = None
    cluster: Int | None = None
    dom_content_ms: Int | None = None
    first_paint_ms: Int | None = None
    load_ms: Int | None = None
    properties: msgspec.Raw = _NONE


class Element(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The element that was used."""

    text: str | None = None
    selector: str | None = None


class Signals(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Signs of trouble."""

    frustrated: Int | None = None
    dead: Int | None = None
    error: Int | None = None
    suspicious: Int | None = None


class NativeEvent(msgspec.Struct, forbid_unknown_fields=True, gc=False):  # values only: no cycle can hold one
    """One record. `time` is ISO 8601 with an offset from UTC, or milliseconds since 1970."""

    event: str
    id: str | None = None
    time: _Instant = None
    user_id: str | None = None
    session_id: str | None = None
    device_id: str | None = None
    params: msgspec.Raw = _NONE
    session: msgspec.Raw = _NONE
    profile: msgspec.Raw = _NONE
    kind: str | None = None
    value: float | None = None
    info: str | None = None
    duration_ms: Int | None = None
    level: Int | None = None
    is_tester: bool | None = None
    is_cheater: bool | None = None
    is_paying: bool | None = None
    amount: float | None = None
    currency: str | None = None
    amount_usd: float | None = None
    state: str | None = None
    state_id: str | None = None
    page: Page | None = None
    element: Element | None = None
    signals: Signals | None = None


class Probe(msgspec.Struct):
    """What tells a batch object from an event, wherever it stands in the object."""

    batch: msgspec.Raw = _NONE
    event: msgspec.Raw = _NONE


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a batch."""

    batch: list[msgspec.Raw]
    sent_at: _Instant = None


class Whole(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The same, its records read."""

    batch: list[NativeEvent]
    sent_at: _Instant = None


_event = msgspec.json.Decoder(NativeEvent)
_probe = msgspec.json.Decoder(Probe)
_envelope = msgspec.json.Decoder(Envelope)
_whole = msgspec.json.Decoder(Whole)

_NOT_PLAIN = frozenset(("time", "params", "session", "profile", "page", "element", "signals"))
_PLAIN = tuple(name for name in NativeEvent.__struct_fields__ if name not in _NOT_PLAIN)
_NO_SESSION = (None, False)


def decode_body(body: bytes) -> tuple[list[bytes], int | None]:
    """The raw records of a request body, and when it was sent (ms): a batch object, or NDJSON.

    Raises:
        ValueError: it is neither.
    """
    text = body.strip()
    if not text:
        raise ValueError('the body is empty; send {"batch": [...]} or one event per line')
    if is_envelope(text):
        return _decode_envelope(text)
    return [line for line in text.split(b"\n") if line.strip()], None


def _decode_envelope(text: bytes) -> tuple[list[bytes], int | None]:
    try:
        envelope = _envelope.decode(text)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError) as error:  # a record may be broken: it must not spoil the others
        try:
            rest, raws = split_batch(text)
            return raws, instant_ms(_envelope.decode(rest).sent_at)
        except (msgspec.DecodeError, ValueError):
            raise error from None
    return [bytes(raw) for raw in envelope.batch], instant_ms(envelope.sent_at)


def is_envelope(text: bytes) -> bool:
    """Whether a body is a batch object rather than lines of events: one object that has a batch and no event."""
    if re.match(rb'\{\s*"(batch|sent_at)"\s*:', text):
        return True
    if b'"batch"' not in text:
        return False
    try:
        found = _probe.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return bool(bytes(found.batch)) and not bytes(found.event)


def draft_whole(body: bytes) -> Draft | None:
    """The draft of a batch object whose records can all be read, read in one go; None of any other body."""
    if not is_envelope(body.strip()):
        return None
    try:
        whole = _whole.decode(body)
        raws = cache(lambda: decode_body(body)[0])
        places = range(len(whole.batch))
        draft = _draft(whole.batch, places, lambda row: raws()[row], instant_ms(whole.sent_at), ())
        return replace(draft, typed=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def draft_records(raws: Sequence[bytes], sent_at: int | None) -> Draft:
    """Decode records, each by itself, so that none can reach into the next; with reasons only when one is bad."""
    try:
        return _draft(list(map(_event.decode, raws)), range(len(raws)), raws.__getitem__, sent_at, ())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        pass
    return _draft_one_by_one(raws, sent_at)


def draft_batch(raws: Sequence[bytes], sent_at: int | None) -> Draft:
    """Decode the records of one request.

    Without `sent_at` a record that has neither id nor time is kept each time that it comes: nothing tells a resend
    from the same thing happening again, and what was acknowledged must come out.
    """
    draft = draft_records(raws, sent_at)
    return draft if sent_at is not None else replace(draft, nonce=secrets.token_bytes(16))


def instant_ms(value: datetime | int | None) -> int | None:
    """An instant as milliseconds UTC."""
    if not isinstance(value, datetime):
        return value
    return (value - _EPOCH) // _MS


def _draft_one_by_one(raws: Sequence[bytes], sent_at: int | None) -> Draft:
    good: list[NativeEvent] = []
    places: list[int] = []
    rejected: list[Rejected] = []
    mended: list[int] = []
    for place, raw in enumerate(raws):
        try:
            event, changed = _read(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            rejected.append(Rejected(place, reason_of(error)))
            continue
        mended += [len(good)] if changed else []
        good.append(event)
        places.append(place)
    return replace(_draft(good, places, lambda row: raws[places[row]], sent_at, rejected), mended=mended)


def _read(raw: bytes) -> tuple[NativeEvent, bool]:
    """A record, and whether half of a surrogate pair in its names or ids became U+FFFD."""
    try:
        event = _event.decode(raw)
        _check(event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if (mended := mend(raw)) is None:
            raise
        event, marked = _event.decode(mended.plain), _event.decode(mended.marked)
        kept: list[tuple[msgspec.Struct, str, bytes]] = [(event, "params", bytes(marked.params))]
        if event.page is not None and marked.page is not None:
            kept.append((event.page, "properties", bytes(marked.page.properties)))
        for holder, name, text in kept:
            setattr(holder, name, msgspec.Raw(mended.restored(text)))
        _check(event)
        return event, mended.halves > sum(mended.within(text) for _, _, text in kept)
    return event, False


def _check(event: NativeEvent) -> None:
    for name, read in (("params", object_text), ("session", _session), ("profile", _profile)):
        try:
            read(getattr(event, name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    if event.page is not None:
        _check_page(event.page)


def _check_page(page: Page) -> None:
    try:
        object_text(page.properties)
    except ValueError as error:
        raise ValueError(f"page.properties: {error}") from error


def _session(raw: msgspec.Raw) -> tuple[str | None, bool]:
    return session_text(bytes(raw))


def _profile(raw: msgspec.Raw) -> str | None:
    return profile_text(bytes(raw))


def _draft(
    events: Sequence[NativeEvent],
    places: Sequence[int],
    raw_of: Callable[[int], bytes],
    sent_at: int | None,
    rejected: Sequence[Rejected],
) -> Draft:
    said = _members(NativeEvent, events)
    columns: dict[str, Sequence[Any]] = {name: said[name] for name in _PLAIN if _speaks(said[name])}
    sessions = [session_text(bytes(raw)) if raw else _NO_SESSION for raw in said["session"]]
    columns |= {
        "time": [instant_ms(time) for time in said["time"]],
        "params": object_texts(said["params"]),
        "session": [text for text, _ in sessions],
        "session_end": [ended for _, ended in sessions],
        "profile": [profile_text(bytes(raw)) if raw else None for raw in said["profile"]],
    }
    columns |= _nested("page", Page, said["page"])
    columns |= _nested("element", Element, said["element"])
    columns |= _nested("signal", Signals, said["signals"])
    return draft_of(columns, sent_at=sent_at, places=places, raw_of=raw_of, rejected=rejected)


def _members(kind: type[msgspec.Struct], values: Sequence[msgspec.Struct]) -> dict[str, Sequence[Any]]:
    """The members of structs of one kind by name."""
    names = kind.__struct_fields__
    if not values:
        return dict.fromkeys(names, ())
    return dict(zip(names, zip(*map(msgspec.structs.astuple, values), strict=True), strict=True))


def _speaks(values: Sequence[Any]) -> bool:
    """Whether any of the values is one."""
    return values.count(None) < len(values)


def _nested(prefix: str, kind: type[msgspec.Struct], values: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """Columns such as `page_url` of a nested object, those of them in which something is said."""
    if not _speaks(values):
        return {}
    nothing = kind()
    said = _members(kind, [nothing if value is None else value for value in values])
    found: dict[str, Sequence[Any]] = {}
    for name, column in said.items():
        if isinstance(getattr(nothing, name), msgspec.Raw):
            found[f"{prefix}_{name}"] = object_texts(column)
        elif _speaks(column):
            found[f"{prefix}_{name}"] = column
    return found
