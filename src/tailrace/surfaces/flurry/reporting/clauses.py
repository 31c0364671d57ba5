"""Clauses, such as ``event|name-in[a,b],country|iso-notin[DE]``: a head with values in brackets, again and again."""

import re
from collections.abc import Iterator

from tailrace.model.errors import Invalid

_HEAD = re.compile(r"\s*([^\s\[\],]+)\[")
# A value stands as it is, or in quotes if it holds a comma or bracket; inside double quotes two stand for one. The
# vendor's page has its examples in typographic quotes.
_VALUE = re.compile(
    r"""\s*(?:"((?:[^"]|"")*)"|'([^']*)'|[\u2018\u2019]([^\u2018\u2019]*)[\u2018\u2019]|([^,\]]*?))\s*([,\]])"""
)
_NEXT = re.compile(r"\s*(,\s*(?=\S)|$)")


def clauses(text: str, where: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Heads and values of all clauses; there is none in an empty text.

    Raises:
        Invalid: they cannot be read; `where` names the parameter.
    """
    place = 0
    while place < len(text):
        head = _HEAD.match(text, place)
        if head is None:
            raise Invalid(where, f"at letter {place + 1}: a clause such as name-operator[value,value] is needed")
        values, place = _values(text, head.end(), where)
        yield head[1], values
        following = _NEXT.match(text, place)
        if following is None:
            raise Invalid(where, f"at letter {place + 1}: a comma and a clause, or nothing, is needed")
        place = following.end()


def _values(text: str, place: int, where: str) -> tuple[tuple[str, ...], int]:
    found = []
    while True:
        value = _VALUE.match(text, place)
        if value is None:
            raise Invalid(where, f"at letter {place + 1}: a value, and a comma or the bracket that closes, is needed")
        found.append(_said(value))
        place = value.end()
        if value[5] == "]":
            return tuple(found), place


def _said(value: re.Match[str]) -> str:
    if value[1] is not None:
        return value[1].replace('""', '"')
    return next(text for text in value.group(2, 3, 4) if text is not None)
