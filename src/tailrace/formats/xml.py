"""XML 1.0: an element per row on a line of its own, a child per column; a column without a value has none, or an empty
one.

What XML cannot hold (control characters, U+FFFE, U+FFFF) becomes U+FFFD. A name that is no XML name is escaped as
ISO/IEC 9075-14 does it: a space is ``_x0020_``.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.jsontext import members
from tailrace.columns.objects import joined
from tailrace.formats.text import (
    SCALARS,
    Dialect,
    Text,
    filled,
    has_byte,
    join,
    where_needed,
)
from tailrace.formats.values import plain
from tailrace.model.fields import Field, Kind

_SPECIAL = "[&<>\r\n\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffe\uffff]"
_SUSPECTS = b"&<>\xef"  # a text with none of them and no control character has nothing special; U+FFFE begins with EF
_IN_ATTRIBUTE = '["\t]'  # what text may hold and a quoted attribute may not, or not without becoming a space
_FORBIDDEN = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffe\uffff]"
# A line end inside a text is written as a reference: parsers would make one of CR LF, and a row stays on its line.
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"), ("\n", "&#10;"))
# Letters that stand in names by every edition of XML 1.0: common parsers still go by the first four, which know less.
_START = "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u0388-\u038a"
_START += "\u038e-\u03a1\u03a3-\u03ce\u0401-\u040c\u040e-\u044f\u0451-\u045c\u05d0-\u05ea\u0621-\u063a"
_START += "\u0641-\u064a\u3041-\u3094\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3"
_NOT_FIRST = re.compile(f"[^{_START}]")
_NOT_INSIDE = re.compile(f"[^{_START}.0-9-]")
_ANY = re.compile("(?s).")
_TAKEN = re.compile("(?i)xml")  # how no name may begin


class Xml(Dialect):
    """`row` is the name of the row's element. With `nulls` every column has its element, empty without a value."""

    separator = ""

    def __init__(self, row: str, end: str = "\n", *, nulls: bool = False) -> None:
        self._nulls = nulls
        self.opening = f"<{row}>"
        self.closing = f"</{row}>{end}"

    def anchor(self, columns: Sequence[Field]) -> int:  # noqa: ARG002 - as the protocol has it
        """Any will do: elements need no separators."""
        return 0

    def cell(self, values: pa.Array, field: Field, place: int) -> list[Text]:  # noqa: ARG002
        """The element of a column; nothing, or an empty element, where there is no value."""
        name = name_of(field.name)
        if values.null_count == len(values):
            return [f"<{name}/>"] if self._nulls else []
        if self._nulls:
            return [f"<{name}>", *filled(_RENDER[field.kind](values)), f"</{name}>"]
        return filled([f"<{name}>", *_RENDER[field.kind](values), f"</{name}>"])

    def member(self, values: pa.Array) -> pa.Array:
        """Texts as they are, all else as JSON."""
        return escaped(plain(values))

    def around(self, name: str) -> tuple[str, str]:
        """The tags of the column."""
        return f"<{name_of(name)}>", f"</{name_of(name)}>"

    def untidy(self, columns: Sequence[Field]) -> bool:  # noqa: ARG002
        """Rows are as they should be."""
        return False

    def tidy(self, rows: pa.Array) -> pa.Array:
        """Nothing is left to do."""
        return rows

    def around_list(self, field: Field, place: int) -> tuple[str, str, str]:  # noqa: ARG002
        """An element that holds an element per event."""
        return f"<{name_of(field.name)}>", "", f"</{name_of(field.name)}>"

    def element(self) -> "Xml":
        """An event inside its session."""
        return Xml("event", "")


def escaped(column: pa.Array) -> pa.Array:
    """Texts as the content of an element."""
    if not has_byte(column, _SUSPECTS, below=ord(" ")):
        return column
    return where_needed(column, _SPECIAL, _escape)


def entries(objects: pa.Array) -> pa.Array:
    """Objects as an element ``entry`` for each of their members, whose name stands in the attribute ``key``."""
    found = members(objects)
    if not len(found.value):
        return pa.repeat(pa.scalar(""), len(objects))
    names = found.key.dictionary.cast(pa.string())
    opening = join('<entry key="', where_needed(escaped(names), _IN_ATTRIBUTE, _escape_more), '">')
    texts = filled([escaped(plain(found.value))])
    cells = join(opening.take(found.key.indices), *texts, "</entry>")
    return joined(cells, found.row.to_numpy().astype(np.int64), len(objects), "")


def _escape_more(column: pa.Array) -> pa.Array:
    return pc.replace_substring(pc.replace_substring(column, '"', "&quot;"), "\t", "&#9;")


def _escape(column: pa.Array) -> pa.Array:
    for sign, reference in _ESCAPES:
        column = pc.replace_substring(column, sign, reference)
    return where_needed(column, _FORBIDDEN, lambda c: pc.replace_substring_regex(c, _FORBIDDEN, "\ufffd"))


@lru_cache(maxsize=4096)
def name_of(name: str) -> str:
    """A name as the name of an element, its foreign characters escaped as ``_xHHHH_``; no two names become one."""
    if not name:
        return "_x_"
    name = name.replace("_x", "_x005F_x")  # so that what looks like an escape is one
    first = (_ANY if _TAKEN.match(name) else _NOT_FIRST).sub(_reference, name[0])
    return first + _NOT_INSIDE.sub(_reference, name[1:])


def _reference(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


_RENDER: dict[Kind, Callable[[pa.Array], list[Text]]] = {
    **SCALARS,
    "text": lambda column: [escaped(column)],
    "json": lambda column: [escaped(column)],
    "any": lambda column: [escaped(plain(column))],
    "map": lambda column: [entries(column)],
    "members": lambda column: [escaped(column)],
}
