"""Bytes that are not UTF-8, made readable for a reader that stops at the first of them.

Each becomes a mark, which no file can foresee, and its two hex digits; the rows that hold one are told apart later,
and their bytes are put back for the dead letter.
"""

import re
import secrets

import pyarrow as pa

_LONGEST_CUT = 3  # bytes of one character that may stand at the end of a piece


class CleanStream:
    """A readable file of UTF-8 from one that ought to be."""

    closed = False

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self._ready = b""
        self._cut = b""
        self.mark = f"\U0010fffe{secrets.token_hex(8)}"
        self.dirty = False

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer only at the end: each piece is a block of the reader, and a row must fit in."""
        while len(self._ready) < size and (more := self._next(size)):
            self._ready += more
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def readable(self) -> bool:
        """Always: it is what this is for."""
        return True

    def restore(self, text: str) -> bytes:
        """The bytes that a text with marks was made from."""
        pattern = re.escape(self.mark.encode()) + rb"([0-9a-f]{2})"
        return re.sub(pattern, lambda found: bytes.fromhex(found[1].decode()), text.encode())

    def _next(self, size: int) -> bytes:
        while True:
            piece = self._stream.read(size)
            data = self._cut + piece
            end = len(data) - (_cut_character(data) if piece else 0)
            self._cut = data[end:]
            if end or not piece:
                return self._cleaned(data[:end])

    def _cleaned(self, data: bytes) -> bytes:
        try:
            data.decode()
        except UnicodeDecodeError:
            self.dirty = True
            return self._marked(data)
        return data

    def _marked(self, data: bytes) -> bytes:
        """Lone surrogates stand for bytes that cannot be decoded, until the mark takes their place."""
        text = data.decode(errors="surrogateescape")
        return re.sub("[\udc80-\udcff]", lambda bad: f"{self.mark}{ord(bad[0]) - 0xDC00:02x}", text).encode()


def _cut_character(data: bytes) -> int:
    """How many bytes at the end are the beginning of a character that goes on."""
    for back in range(1, min(_LONGEST_CUT, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:
            needed = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
            return back if needed > back else 0
    return 0
