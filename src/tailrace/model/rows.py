"""Rows as a dialect shows them: its columns in order, where each comes from, and what is done to it on the way."""

from typing import Literal

from msgspec import Struct

from tailrace.model.fields import FIELDS, Field, Grain, Kind
from tailrace.model.kin import DERIVED, KIN_SOURCES, Kin

# `first`: the first source that has a value. `ms`: an instant as a number of milliseconds. `cut`: a number without
# the decimals that are too many. `texts`: an object, each of its values as a text. `entry`: an object with one more
# entry, the text of a second source. `seconds`: milliseconds as seconds with a fraction; `whole`: the second that
# they are in; `span`: their text as seconds, with a fraction only where there is one. `digits`: a number as a text.
# `zero`: 0 where there is no number. `flag`: 1 or 0, which is also what nobody said; `opposite`: true where nothing
# was said. `words`: one of two words, for false and for true. `equal`: 1 where a text is `key`. `masked`: an address
# without its last part. `member`: a member of an object as it was sent. `amounts`: a member that is an object, as a
# list of its names and values. `instant`: a member that is an ISO 8601 instant, in ms. `list`: a member that is an
# array of texts, with commas. `hash`: the first source that has a value, a text as a number of 53 bits. `word`: a
# word for what the sources say. `pair`: two numbers as one text. `nonzero`: a number that is not 0. `beside`: the
# first source, an empty text where only the second has a value. `flat`: members of an object as members of the row.
Conversion = Literal[
    "first",
    "ms",
    "cut",
    "texts",
    "entry",
    "seconds",
    "whole",
    "digits",
    "opposite",
    "zero",
    "span",
    "flag",
    "words",
    "equal",
    "masked",
    "member",
    "amounts",
    "instant",
    "list",
    "hash",
    "word",
    "pair",
    "nonzero",
    "beside",
    "flat",
]
PAGE = ("page_id", "page_url")  # the page view of an event is told by the first that it has
_KINDS: dict[Conversion, Kind] = {
    "ms": "int",
    "cut": "float",
    "texts": "map",
    "entry": "map",
    "seconds": "float",
    "whole": "int",
    "digits": "text",
    "span": "any",
    "flag": "int",
    "words": "text",
    "equal": "int",
    "masked": "text",
    "member": "any",
    "amounts": "text",
    "instant": "int",
    "list": "text",
    "hash": "int",
    "word": "text",
    "pair": "text",
    "flat": "members",
}


class Column(Struct, frozen=True):
    """One column: its name in files, the canonical fields that it is made of, and how.

    `decimals` is of `cut` and `pair`; `key` the name of the entry that `entry` adds, or what names of `flat` begin
    with, or the member that is looked at: of the first source, an object. The words of `words` are for false and for
    true. `patterns` of `word` are regular expressions and the words for them: the first that is found in the sources, a
    line each, counts. Where there is no value, `missing` stands. Given `kinds`, only events of these kinds have it,
    with `but` all others.
    """

    name: str
    sources: tuple[str, ...]
    conversion: Conversion = "first"
    decimals: int = 0
    key: str = ""
    words: tuple[str, ...] = ()
    patterns: tuple[tuple[str, str], ...] = ()
    missing: str | int | None = None
    kinds: tuple[str, ...] = ()
    but: bool = False

    @property
    def grain(self) -> Grain:
        """That of its sources; of both kinds: that of events."""
        of_event = self.kinds or any(_known(name).grain == "event" for name in self.sources)
        return "event" if of_event else "session"

    @property
    def of_member(self) -> bool:
        """Whether it is made of a member of its first source."""
        return bool(self.key) and self.conversion not in ("entry", "equal", "flat")

    @property
    def field(self) -> Field:
        """What encoders need to know of it."""
        source = _known(self.sources[0])
        kind = _KINDS.get(self.conversion, source.kind)
        return Field(self.name, kind, self.grain, source.source, source.what, self.missing is not None)


class RowShape(Struct, frozen=True):
    """What a row is: its columns, and how formats that name things call a row and all of them.

    With `nulls` a column without a value is there all the same: null in JSON, an empty element in XML. With
    `whole_sessions` a window shows all fragments of a session as what the session is: same duration, same device. Of
    each canonical field in `of_page` every event of a page view shows the highest value that the fragment's events of
    that view have.

    In a table, a column follows for each member of `spread`: of ``params``, or of the object ``params.key``. One that
    is called like a column before it gets the path in front.
    """

    columns: tuple[Column, ...]
    row: str = "event"
    root: str = "rows"
    nulls: bool = False
    whole_sessions: bool = False
    spread: str = ""
    of_page: tuple[str, ...] = ()

    @property
    def open_ended(self) -> bool:
        """Whether rows have members that are not known before."""
        return any(column.conversion == "flat" for column in self.columns)

    @property
    def sources(self) -> tuple[str, ...]:
        """The canonical fields that it reads, each once."""
        own = [name for column in self.columns for name in column.sources]
        also = ["kind"] if any(column.kinds for column in self.columns) else []
        spread = [self.spread.partition(".")[0]] if self.spread else []
        return tuple(dict.fromkeys((*own, *also, *spread, *(PAGE if self.of_page else ()))))


class KinTable(Struct, frozen=True):
    """Rows of one kind of kin: what their table is called, and its columns, of which the first always has a value."""

    name: str
    kin: Kin
    columns: tuple[Column, ...]


class Nest(Struct, frozen=True):
    """Sessions with all that is in them: nested in a row per session in JSON, in CSV a table for each kind of rows.

    The first of `tables` are the sessions. Files are named `stem`, the table's name, a dash and their number; in
    `stem`, ``{app}`` is the app's number and ``{unique}`` cannot be guessed. With `whole_sessions` fragments are put
    together to sessions; else, or without its first one, each is a session of an id of its own.
    """

    tables: tuple[KinTable, ...]
    stem: str
    whole_sessions: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """The canonical fields that it reads, each once."""
        named = (name for table in self.tables for column in table.columns for name in column.sources)
        return tuple(dict.fromkeys((*KIN_SOURCES, *(name for name in named if name in FIELDS))))


def _known(name: str) -> Field:
    return FIELDS.get(name) or DERIVED[name]
