r"""Halves of surrogate pairs: JSON can say `\ud800` alone, and no text can hold it. Few records come here.

In names and ids each half becomes U+FFFD; the text of parameters keeps its escapes.
"""

import re
import secrets

from msgspec import Struct

# A whole pair, a half, or any other escape, so that a backslash that is itself escaped begins nothing.
_ESCAPE = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\(u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL)


class Mended(Struct, frozen=True):
    """A record in two forms that can be read: with U+FFFD for each half, and with a `mark` that no record can foresee.

    `halves` says how many there are.
    """

    plain: bytes
    marked: bytes
    mark: bytes
    halves: int

    def restored(self, text: bytes) -> bytes:
        """A JSON text out of the marked form, with the escapes that its sender wrote."""
        return text.replace(self.mark, b"\\")

    def within(self, text: bytes) -> int:
        """How many of the halves are in a JSON text out of the marked form."""
        return text.count(self.mark)


def mend(raw: bytes) -> Mended | None:
    """A record that could not be read, so that it can; None if there are no halves in it."""
    mark = f"half{secrets.token_hex(8)}".encode()
    marked = _ESCAPE.sub(lambda found: mark + found[1] if found[1] else found[0], raw)
    halves = marked.count(mark)
    if not halves:
        return None
    return Mended(_ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], raw), marked, mark, halves)
