"""Lines of downloaded text: whole lines from pieces of any size, and what stands around them."""

from collections.abc import Iterable, Iterator, Sequence

from tailrace.exports.verify.streams import Damaged

LONGEST_LINE = 64 << 20  # without a bound, one damaged byte could make a line of the rest of the file

Lines = Iterator[list[bytes]]  # many at once, without their newlines


def whole_lines(pieces: Iterable[bytes], code: str) -> Lines:
    """The lines of pieces.

    Raises:
        Damaged: a line does not end, or not within bounds.
    """
    rest: list[bytes] = []
    waiting = 0
    for piece in pieces:
        head, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield b"".join((*rest, head)).split(b"\n")
            rest, waiting = [], 0
        rest.append(tail)
        waiting += len(tail)
        check_length(waiting, code)
    if waiting:
        raise Damaged(code, "its last line has no newline")


def check_length(size: int, code: str) -> None:
    """Refuse what is longer than any row can be.

    Raises:
        Damaged: it is.
    """
    if size > LONGEST_LINE:
        raise Damaged(code, f"a line longer than {LONGEST_LINE} bytes")


def between(lines: Lines, head: Sequence[bytes], tail: bytes, code: str) -> Lines:
    """The lines between those that begin a file and the one that ends it.

    Raises:
        Damaged: it does not begin or end so.
    """
    held: list[bytes] = []
    begun = False
    for some in lines:
        held += some
        if not begun and len(held) > len(head):
            begun, held = _behind_head(held, head, code)
        if begun:
            yield held[:-1]
            held = held[-1:]
    if not begun or held != [tail]:
        raise Damaged(code, f"it does not end with a line {tail.decode()!r}")


def _behind_head(lines: list[bytes], head: Sequence[bytes], code: str) -> tuple[bool, list[bytes]]:
    if lines[: len(head)] != list(head):
        raise Damaged(code, f"it does not begin with {b' and '.join(head).decode()!r}")
    return True, lines[len(head) :]
