"""Traits: what a message says of its user."""

from collections.abc import Mapping

from tailrace.ingest.protocols.segment.values import Json, lenient_moment, text_of
from tailrace.ingest.rows import fitting
from tailrace.model.clock import iso

# The members of a profile that are a trait.
PLAIN: Mapping[str, str] = {
    "email": "email",
    "name": "name",
    "phone": "phone",
    "photo": "avatar",
    "gender": "gender",
}
_PARTS = (("firstName", "lastName"), ("first_name", "last_name"))
_CREATED = ("createdAt", "created_at")
_YEARS = range(1800, 2200)


def profile_of(traits: Json, time: int | None) -> Json:
    """A profile. Traits that one of its members holds whole are taken; the others are attributes, as they came."""
    rest = dict(traits)
    found: Json = {"birth_year": _birth_year(rest, time), "registered_at": _registered(rest)}
    for member, name in PLAIN.items():
        if text := text_of(rest.get(name)):
            found[member] = text
            del rest[name]
    return {"name": _full_name(rest)} | found | {"attributes": rest or None}


def with_group(profile: Json, group_id: str | None, traits: Json) -> Json:
    """The profile of a user who is in a group, whose traits are not the user's own."""
    group = {"group_id": group_id} | ({"group": traits} if traits else {})
    return profile | {"attributes": (profile["attributes"] or {}) | group}


def _birth_year(traits: Json, time: int | None) -> int | None:
    """From `birthday`, else from `age` when the event happened."""
    born = lenient_moment(traits.get("birthday"))
    if born is not None:
        year = int(iso(born)[:4])
    else:
        age = fitting(traits.get("age"), int)
        if age is None or time is None:
            return None
        year = int(iso(time)[:4]) - age
    return year if year in _YEARS else None


def _registered(traits: Json) -> str | None:
    for name in _CREATED:
        created = lenient_moment(traits.get(name))
        if created is not None:
            del traits[name]
            return iso(created)
    return None


def _full_name(traits: Json) -> str | None:
    for names in _PARTS:
        if parts := [text for name in names if (text := text_of(traits.get(name)))]:
            return " ".join(parts)
    return None
