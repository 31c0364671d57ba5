"""Pages: what a message says of the page that it comes from, of what was used on it, and of what went wrong there."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tailrace.ingest.protocols.segment.values import Json, filled, object_of, taken, text_of
from tailrace.ingest.rows import fitting

_ADDRESSES = ("url", "referrer", "title")
# The protocol's makers have no words for the rest, so these are ours, in their spelling: members of members of the
# context, by field.
TEXTS: Mapping[str, tuple[str, str]] = {
    "page_id": ("page", "id"),
    "element_text": ("element", "text"),
    "element_selector": ("element", "selector"),
}
NUMBERS: Mapping[str, tuple[str, str]] = {
    "page_duration_ms": ("page", "durationMs"),
    "page_active_ms": ("page", "activeMs"),
    "page_infos": ("page", "infos"),
    "page_warnings": ("page", "warnings"),
    "page_errors": ("page", "errors"),
    "page_cluster": ("page", "cluster"),
    "page_dom_content_ms": ("page", "domContentMs"),
    "page_first_paint_ms": ("page", "firstPaintMs"),
    "page_load_ms": ("page", "loadMs"),
    "signal_frustrated": ("signals", "frustrated"),
    "signal_dead": ("signals", "dead"),
    "signal_error": ("signals", "error"),
    "signal_suspicious": ("signals", "suspicious"),
}
# What a track call may be, if its context says so.
_KINDS = frozenset(("load", "click", "change", "seen", "thrash", "abandon", "error"))


def page_of(context: Json, properties: Json, category: Any) -> Json:
    """Fields of the page: what a page call says itself, else what the context says.

    What a field holds is taken out of the context, and so is all of the page: the rest are its properties.
    """
    fields = _said(context)
    page = object_of(context.pop("page", None), "page")
    for name in _ADDRESSES:
        fields[f"page_{name}"] = value = text_of(properties.get(name)) or text_of(page.get(name))
        if value and page.get(name) == value:
            del page[name]
    referrer = object_of(context.get("referrer"))
    fields["page_referrer"] = fields["page_referrer"] or text_of(referrer.get("url"))
    own = filled(page | {"category": category or page.get("category")})
    return fields | {"page_properties": msgspec.json.encode(own).decode() if own else None}


def kind_of(context: Json) -> str | None:
    """What sort of event a track call is, as its context says, from which it is taken; None where it says no such."""
    kind = context.get("kind")
    return context.pop("kind") if isinstance(kind, str) and kind in _KINDS else None


def _said(context: Json) -> Json:
    """What members of the context's own objects say, taken out of copies of these; what is no such value stays."""
    for group in ("page", "element", "signals"):
        if isinstance(context.get(group), dict):
            context[group] = dict(context[group])
    fields = {name: taken(context, *place) for name, place in TEXTS.items() if text_of(_at(context, place))}
    numbers = {name: fitting(_at(context, place), int) for name, place in NUMBERS.items()}
    return fields | {name: taken(context, *NUMBERS[name]) for name, value in numbers.items() if value is not None}


def _at(context: Json, place: tuple[str, str]) -> Any:
    return object_of(context.get(place[0])).get(place[1])
