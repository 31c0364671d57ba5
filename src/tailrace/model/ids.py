"""Names for new things: unique, sortable by time, safe in URLs and file names."""

import re
import secrets
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class Ids(Protocol):
    """Where new ids come from; passed in, so that a test can foresee them."""

    def new(self, prefix: str, now: int) -> str:
        """A new id such as ``exp_01hz…``: 10 characters of time in milliseconds, 12 of chance."""


class RandomIds:
    """Ids from the operating system's source of chance (60 bits each)."""

    def new(self, prefix: str, now: int) -> str:
        """A new id such as ``exp_01hz…``."""
        return f"{prefix}_{_base32(now, 10)}{_base32(secrets.randbits(60), 12)}"


def numbered(prefix: str, number: int) -> str:
    """The public id of a row, such as ``usr_7``."""
    return f"{prefix}_{number}"


def number_of(prefix: str, text: str) -> int | None:
    """The number in a public id of a kind; None if the text is none."""
    found = re.fullmatch(rf"{prefix}_([1-9][0-9]{{0,17}})", text, re.ASCII)
    return int(found[1]) if found else None


def _base32(number: int, width: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(width)))
