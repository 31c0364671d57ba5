"""Rows as a dialect shows them: its columns in order, where each comes from, and what is done to it on the way."""

from dataclasses import dataclass
from typing import Literal

from tailrace.model.fields import FIELDS, Field, Grain, Kind

# `first`: the first source that has a value. `ms`: an instant as a number of milliseconds. `cut`: a number without the
# decimals that are too many. `texts`: an object, each of its values as a text. `entry`: an object with one more entry,
# the text of a second source. `hash`: the first source that has a value, a text as a number of 53 bits. `words`: a word
# for what the sources say. `pair`: two numbers as one text. `nonzero`: a number that is not 0. `beside`: the first
# source, an empty text where only the second has a value. `flat`: members of an object as members of the row.
Conversion = Literal["first", "ms", "cut", "texts", "entry", "hash", "words", "pair", "nonzero", "beside", "flat"]
PAGE = ("page_id", "page_url")  # the page view of an event is told by the first that it has
_KINDS: dict[Conversion, Kind] = {
    "ms": "int",
    "cut": "float",
    "texts": "map",
    "entry": "map",
    "hash": "int",
    "words": "text",
    "pair": "text",
    "flat": "members",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in files, the canonical fields that it is made of, and how.

    `decimals` is of `cut` and `pair`; `key` the name of the entry that `entry` adds, or what names of `flat` begin
    with. `words` are regular expressions and the words for them: the first that is found in the sources, a line each,
    counts. Where there is no value, `missing` stands. Given `kinds`, only events of these kinds have it, with `but` all
    others.
    """

    name: str
    sources: tuple[str, ...]
    conversion: Conversion = "first"
    decimals: int = 0
    key: str = ""
    words: tuple[tuple[str, str], ...] = ()
    missing: str | int | None = None
    kinds: tuple[str, ...] = ()
    but: bool = False

    @property
    def grain(self) -> Grain:
        """That of its sources; of both kinds: that of events."""
        of_event = self.kinds or any(FIELDS[name].grain == "event" for name in self.sources)
        return "event" if of_event else "session"

    @property
    def field(self) -> Field:
        """What encoders need to know of it."""
        source = FIELDS[self.sources[0]]
        kind = _KINDS.get(self.conversion, source.kind)
        return Field(self.name, kind, self.grain, source.source, source.what, self.missing is not None)


@dataclass(frozen=True, slots=True)
class RowShape:
    """What a row is: its columns, and how formats that name things call a row and all of them.

    With `nulls` a column without a value is there all the same: null in JSON, an empty element in XML. With
    `whole_sessions` a window shows all fragments of a session as what the session is: same duration, same device. Of
    each canonical field in `of_page` every event of a page view shows the highest value that the fragment's events of
    that view have.
    """

    columns: tuple[Column, ...]
    row: str = "event"
    root: str = "rows"
    nulls: bool = False
    whole_sessions: bool = False
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
        return tuple(dict.fromkeys((*own, *also, *(PAGE if self.of_page else ()))))
