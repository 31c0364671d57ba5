"""What SDKs say of a user, as the profile of a row has it."""

from collections.abc import Mapping
from typing import Any

_NAMED = frozenset(
    ("name", "email", "phone", "photo", "gender", "birth_year", "level", "is_tester", "is_cheater", "is_paying")
)


def profile_of(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Traits that a profile has a key for under that key, all others as its attributes."""
    named = {name: value for name, value in traits.items() if name in _NAMED and value is not None}
    attributes = {name: value for name, value in traits.items() if name not in named}
    return {**named, "attributes": attributes} if attributes else named
