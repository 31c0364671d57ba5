"""What people choose themselves: e-mail addresses and passwords."""

import re

from tailrace.model.errors import Invalid

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1000
_EMAIL = re.compile(r"[^@\s\0]{1,64}@[^@\s\0]{1,255}")


def check_email(text: str) -> str:
    """An e-mail address, without blanks around it.

    Raises:
        Invalid: it is none.
    """
    if not _EMAIL.fullmatch(text.strip()):
        raise Invalid("email", "must be an e-mail address such as ana@example.com")
    return text.strip()


def check_password(text: str) -> str:
    """A password that may be chosen.

    Raises:
        Invalid: it is too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD:
        raise Invalid("password", f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return text
