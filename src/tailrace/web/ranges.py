"""What a request wants of a file: all of it, or a stretch (RFC 9110, 14)."""

import re

from starlette.datastructures import Headers

from tailrace.model.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes=\s*([0-9]*)-([0-9]*)\s*", re.IGNORECASE | re.ASCII)
_LONGEST = 100  # characters of a range that somebody can mean


def stretch(headers: Headers, etag: str, size: int) -> tuple[int, int] | None:
    """The stretch `[start, stop)` of `size` bytes that a GET asks for; None for all of them.

    All is the answer, too, to what cannot be read, to several ranges at once, and to an ``If-Range`` that is not the
    strong tag of what there is: a date never is, because there is no Last-Modified.

    Raises:
        RangeNotSatisfiable: it begins behind the end.
    """
    given = headers.getlist("range")
    if len(given) != 1 or len(given[0]) > _LONGEST or headers.get("if-range", etag).strip() != etag:
        return None
    found = _RANGE.fullmatch(given[0].strip())
    if found is None or found[1] == found[2] == "":
        return None
    return _last(int(found[2]), size) if found[1] == "" else _from(int(found[1]), found[2], size)


def _last(length: int, size: int) -> tuple[int, int] | None:
    """The last bytes; of nothing they are all."""
    if length == 0:
        raise RangeNotSatisfiable(size)
    return (max(size - length, 0), size) if size else None


def _from(first: int, last: str, size: int) -> tuple[int, int] | None:
    """From the first byte to the last one, or to the end."""
    stop = min(int(last) + 1, size) if last else size
    if last and int(last) < first:
        return None  # not a range at all
    if first >= size:
        raise RangeNotSatisfiable(size)
    return first, stop
