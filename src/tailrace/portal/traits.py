"""Traits: what forms say is to be set of a user of an app, and the change of a profile that they mean."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from tailrace.model.clock import parse_iso
from tailrace.model.errors import Invalid
from tailrace.web.forms import Form

Text = Annotated[str, msgspec.Meta(max_length=10_000)]
Flag = Literal["yes", "no"]

_TEXTS = ("name", "email", "phone", "photo", "gender")
_NUMBERS = ("birth_year", "level")
_FLAGS = ("is_paying", "is_cheater", "is_tester")
_WHOLE = re.compile("-?[0-9]{1,18}")


class ProfileForm(Form):
    """All that is to be set of a user but attributes; what is left empty is what senders say. Segments are lines.

    `shown` is what was set when the form was shown, as JSON: what somebody else has set since then stays.
    """

    shown: Annotated[str, msgspec.Meta(max_length=100_000)] = "{}"

    name: Text = ""
    email: Text = ""
    phone: Text = ""
    photo: Text = ""
    gender: Text = ""
    birth_year: Text = ""
    level: Text = ""
    registered_at: Text = ""
    segments: Text = ""
    is_paying: Flag | None = None
    is_cheater: Flag | None = None
    is_tester: Flag | None = None


class AttributeForm(Form):
    """An attribute, and what it is to be; nothing takes it back."""

    attribute: Text = ""
    value: Text = ""


def form_of(now: Mapping[str, Any]) -> ProfileForm:
    """The form that says what is set now."""
    told: dict[str, Any] = {name: str(now[name]) for name in (*_TEXTS, *_NUMBERS, "registered_at") if name in now}
    told |= {name: "yes" if now[name] else "no" for name in _FLAGS if name in now}
    shown = {name: value for name, value in now.items() if name != "attributes"}
    lines = "\n".join(now.get("segments", ()))
    return ProfileForm(**told, segments=lines, shown=msgspec.json.encode(shown).decode())


def change_of(form: ProfileForm) -> Mapping[str, Any]:
    """What differs from what the form was shown with; null where it says nothing any more.

    Raises:
        Invalid: a field cannot be read.
    """
    wanted = {
        **{name: getattr(form, name) or None for name in _TEXTS},
        **{name: _number(name, getattr(form, name)) for name in _NUMBERS},
        **{name: _flag(getattr(form, name)) for name in _FLAGS},
        "registered_at": _instant("registered_at", form.registered_at),
        "segments": [line.strip() for line in form.segments.splitlines() if line.strip()] or None,
    }
    shown = _shown(form.shown)
    return {name: value for name, value in wanted.items() if value != shown.get(name)}


def attribute_of(form: AttributeForm) -> Mapping[str, Any]:
    """The change of one attribute.

    Raises:
        Invalid: it has no name.
    """
    if not form.attribute:
        raise Invalid("attribute", "must have a name")
    return {"attributes": {form.attribute: _value(form.value)}}


def _shown(text: str) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        raise Invalid("shown", "must be as the page has it") from None


def _number(name: str, text: str) -> int | None:
    if text and not _WHOLE.fullmatch(text):
        raise Invalid(name, "must be a whole number of at most 18 digits")
    return int(text) if text else None


def _flag(text: Flag | None) -> bool | None:
    return None if text is None else text == "yes"


def _instant(name: str, text: str) -> str | None:
    if not text:
        return None
    try:
        parse_iso(text)
    except ValueError:
        raise Invalid(name, "must be an instant such as 2026-01-31T12:00:00Z") from None
    return text


def _value(text: str) -> Any:
    """JSON where it is some, else the text as it is."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
