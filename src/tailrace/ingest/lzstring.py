"""LZ-based strings in base64, as scripts of old web pages pack what they send."""

from collections.abc import Iterator
from string import ascii_lowercase, ascii_uppercase, digits

from tailrace.model.errors import TooLarge

_VALUES = {letter: value for value, letter in enumerate(ascii_uppercase + ascii_lowercase + digits + "+/=")}
_BITS = 6  # of each letter
_NARROW, _WIDE, _END = 0, 1, 2  # codes: a new letter of 8 bits follows, one of 16 bits, nothing
_FIRST = 3  # the first code that stands for a text
LONGEST_PACKED = 1 << 20  # letters; each costs some steps of Python, and old pages sent far less


def unpack_lzstring(packed: str, most: int) -> str:
    """The text of a packed string.

    Raises:
        ValueError: it is none, or it ends too early.
        TooLarge: it is longer than `LONGEST_PACKED`, or its text than `most` UTF-16 units.
    """
    if len(packed) > LONGEST_PACKED:
        raise TooLarge(LONGEST_PACKED)
    pieces: list[str] = []
    length = 0
    for piece in _pieces(_Bits(packed)):
        pieces.append(piece)
        length += len(piece)
        if length > most:
            raise TooLarge(most)
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class _Bits:
    """The bits of base64 letters. A number is read with its lowest bit first."""

    def __init__(self, letters: str) -> None:
        self._letters = letters
        self._at = 0  # in bits

    def number(self, width: int) -> int:
        """The next number of so many bits."""
        found = 0
        for place in range(width):
            letter, bit = divmod(self._at, _BITS)
            if letter >= len(self._letters):
                raise ValueError("the packed text ends too early")
            value = _VALUES.get(self._letters[letter], -1)
            if value < 0:
                raise ValueError("the packed text holds a letter that is not of base64")
            found |= (value >> (_BITS - 1 - bit) & 1) << place
            self._at += 1
        return found


def _pieces(bits: _Bits) -> Iterator[str]:
    """The texts that codes stand for: each letter when it is first met, then each piece seen with its next letter."""
    known: list[str] = [""] * _FIRST
    width, room = 2, 1  # of a code; codes that still fit
    before = ""
    while True:
        code = bits.number(width)
        if code == _END:
            return
        if code in (_NARROW, _WIDE):
            known.append(chr(bits.number(8 if code == _NARROW else 16)))
            room -= 1
            if room == 0 and before:
                room, width = 1 << width, width + 1
            code = len(known) - 1
        piece = _piece(known, code, before)
        yield piece
        if before:
            known.append(before + piece[0])
            room -= 1
        if room <= 0:
            room, width = 1 << width, width + 1
        before = piece


def _piece(known: list[str], code: int, before: str) -> str:
    if code < len(known):
        return known[code]
    if code == len(known) and before:
        return before + before[0]
    raise ValueError("the packed text names a piece that was never there")
