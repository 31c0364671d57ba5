"""What people choose themselves: e-mail addresses, passwords and ids."""

import re

from tailrace.model.access import ID_PATTERN
from tailrace.model.errors import Invalid

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1000
# No blanks and no control characters, in words that mean the same to Python and to JSON Schema.
EMAIL_PATTERN = r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,255}"


def check_email(text: str) -> str:
    """An e-mail address, without blanks around it.

    Raises:
        Invalid: it is none.
    """
    if not re.fullmatch(EMAIL_PATTERN, text.strip()):
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


def check_id(where: str, text: str) -> str:
    """An id of a space or an app.

    Raises:
        Invalid: it is none, be it for a line break at its end, which the pattern alone lets pass in Python.
    """
    if not re.fullmatch(ID_PATTERN, text):
        raise Invalid(
            where, "must have 1 to 100 letters, digits, dots, hyphens and underscores, of these a letter or digit first"
        )
    return text
