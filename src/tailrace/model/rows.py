"""Rows as a dialect shows them: its columns in order, where each comes from, and what is done to it on the way."""

from dataclasses import dataclass
from typing import Literal

from tailrace.model.fields import FIELDS, Field, Grain, Kind

# `first`: the first source that has a value. `ms`: an instant as a number of milliseconds. `cut`: a number without the
# decimals that are too many. `texts`: an object, each of its values as a text. `entry`: an object with one more entry,
# the text of a second source.
# `seconds`: an instant in whole seconds. `span`: milliseconds as seconds, with a fraction only where there is one.
# `flag`: 1 or 0, which is also what nobody said. `words`: one of two words, for false and for true. `equal`: 1 where a
# text is `key`. `masked`: an address without its last part. `member`: a member of an object as it was sent. `amounts`:
# a member that is an object, as a list of its names and values. `instant`: a member that is an ISO 8601 instant, in
# ms. `list`: a member that is an array of texts, with commas between them.
Conversion = Literal[
    "first",
    "ms",
    "cut",
    "texts",
    "entry",
    "seconds",
    "span",
    "flag",
    "words",
    "equal",
    "masked",
    "member",
    "amounts",
    "instant",
    "list",
]
_KINDS: dict[Conversion, Kind] = {
    "ms": "int",
    "cut": "float",
    "texts": "map",
    "entry": "map",
    "seconds": "int",
    "span": "any",
    "flag": "int",
    "words": "text",
    "equal": "int",
    "masked": "text",
    "member": "any",
    "amounts": "text",
    "instant": "int",
    "list": "text",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in files, the canonical fields that it is made of, and how.

    `decimals` is of `cut`, `key` the name of the entry that `entry` adds, or of the member that is looked at: of the
    first source, an object. The words of `words` are for false and for true.
    """

    name: str
    sources: tuple[str, ...]
    conversion: Conversion = "first"
    decimals: int = 0
    key: str = ""
    words: tuple[str, ...] = ()

    @property
    def grain(self) -> Grain:
        """That of its sources; of both kinds: that of events."""
        return "event" if any(FIELDS[name].grain == "event" for name in self.sources) else "session"

    @property
    def of_member(self) -> bool:
        """Whether it is made of a member of its first source."""
        return bool(self.key) and self.conversion not in ("entry", "equal")

    @property
    def field(self) -> Field:
        """What encoders need to know of it."""
        source = FIELDS[self.sources[0]]
        kind = _KINDS.get(self.conversion, source.kind)
        return Field(self.name, kind, self.grain, source.source, source.what)


@dataclass(frozen=True, slots=True)
class RowShape:
    """What a row is: its columns, and how formats that name things call a row and all of them.

    With `nulls` a column without a value is there all the same: null in JSON, an empty element in XML. With
    `whole_sessions` a window shows all fragments of a session as what the session is: same duration, same device.

    In a table, a column follows for each member of `spread`: of ``params``, or of the object ``params.key``. One that
    is called like a column before it gets the path in front.
    """

    columns: tuple[Column, ...]
    row: str = "event"
    root: str = "rows"
    nulls: bool = False
    whole_sessions: bool = False
    spread: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The canonical fields that it reads, each once."""
        spread = (self.spread.partition(".")[0],) if self.spread else ()
        return tuple(dict.fromkeys((*(name for column in self.columns for name in column.sources), *spread)))
