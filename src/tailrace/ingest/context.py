"""What a record may say of its session and its user: checked once per distinct text, stored in one spelling."""

import re
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from tailrace.ingest.texts import single_line
from tailrace.model.clock import parse_iso
from tailrace.model.fields import SESSION_INPUTS

Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
_INT64 = range(-(1 << 63), 1 << 63)
_TYPES: dict[str, type] = {"text": str, "int": int, "float": float, "bool": bool}


class Experiment(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One experiment that the user takes part in; `impressed` when its variant was really shown."""

    id: int | str
    variant_id: int | str | None = None
    impressed: bool | None = None


_SPECIAL: dict[str, Any] = {
    "latitude": Latitude,
    "longitude": Longitude,
    "device_ids": dict[str, str],
    "properties": dict[str, Any],
    "experiments": list[Experiment],
}


def _session_members() -> list[tuple[str, Any, Any]]:
    names = [(f.source.removeprefix("session."), f.kind) for f in SESSION_INPUTS]
    return [(name, _type(name, kind) | None, None) for name, kind in names]


def _type(name: str, kind: str) -> Any:
    return _SPECIAL[name] if name in _SPECIAL else _TYPES[kind]


# The object `session` of a native record: every canonical field with the source `session.…`, and `end`.
SessionInput = msgspec.defstruct(
    "SessionInput", [*_session_members(), ("end", bool, False)], forbid_unknown_fields=True, omit_defaults=True
)


class ProfileInput(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The object `profile` of a native record: what the sender says of the user. `registered_at` is ISO 8601."""

    gender: str | None = None
    birth_year: int | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    photo: str | None = None
    level: int | None = None
    is_tester: bool | None = None
    is_cheater: bool | None = None
    is_paying: bool | None = None
    registered_at: str | None = None
    segments: list[str] | None = None
    attributes: dict[str, Any] | None = None


_session_decoder = msgspec.json.Decoder(SessionInput)
_profile_decoder = msgspec.json.Decoder(ProfileInput)
_encoder = msgspec.json.Encoder()
LONGEST_VERSION = 255  # letters; a version is a key of the catalogue
_CACHED_BYTES = 4096  # a longer text is read each time: 4096 of the longest would fill the memory
_NUL = re.compile(r"((?<!\\)(?:\\\\)*)\\u0000")  # not behind a backslash that is itself escaped


def session_text(raw: bytes) -> tuple[str | None, bool]:
    """A session object in its one spelling, without `end`, and whether it says that the session has ended.

    Raises:
        ValueError: a key is unknown or a value has the wrong type.
    """
    return _session_text(raw) if len(raw) <= _CACHED_BYTES else _session_text.__wrapped__(raw)


@lru_cache(maxsize=4096)
def _session_text(raw: bytes) -> tuple[str | None, bool]:
    value = _decode(_session_decoder, raw)
    if value is None:
        return None, False
    if len(value.app_version or "") > LONGEST_VERSION:
        raise ValueError(f"app_version: longer than {LONGEST_VERSION} letters")
    ended = value.end
    value.end = False
    text = _text(value)
    return (None if text == "{}" else text), ended


def profile_text(raw: bytes) -> str | None:
    """A profile object in its one spelling.

    Raises:
        ValueError: a key is unknown or a value has the wrong type.
    """
    return _profile_text(raw) if len(raw) <= _CACHED_BYTES else _profile_text.__wrapped__(raw)


@lru_cache(maxsize=4096)
def _profile_text(raw: bytes) -> str | None:
    value = _decode(_profile_decoder, raw)
    if value is not None and value.registered_at is not None:
        _check_instant("registered_at", value.registered_at)
    text = "{}" if value is None else _text(value)
    return None if text == "{}" else text


def _text(value: msgspec.Struct) -> str:
    """The one spelling, without NUL, which no database takes as text."""
    text = _encoder.encode(value).decode()
    return _NUL.sub("\\1\ufffd", text) if "\\u0000" in text else text


def _decode(decoder: "msgspec.json.Decoder[Any]", raw: bytes) -> Any:
    if not raw or raw == b"null":
        return None
    try:
        value = decoder.decode(single_line(raw))
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    _check_numbers(value)
    return value


def _check_instant(name: str, text: str) -> None:
    try:
        parse_iso(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _check_numbers(value: msgspec.Struct) -> None:
    """A whole number must fit its column: found here it is one bad record, found at seal it would stop the shard."""
    for name in value.__struct_fields__:
        number = getattr(value, name)
        if isinstance(number, int) and number not in _INT64:
            raise ValueError(f"{name}: does not fit 64 bits")
