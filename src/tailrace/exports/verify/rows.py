"""Rows as verify sees them: their bytes, which are hashed, and the few values that are looked at.

What is looked at is the same in every format, so a chain may change its format and still be one chain.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct, field

Kind = Literal["event", "session", "user"]  # what a row is called
Instant = Annotated[datetime, Meta(tz=True)]


class Event(Struct, gc=False):
    """An event: a row, or nested in the row of a session."""

    id: str | None = None
    time: Instant | None = None
    event: str | None = None


class Session(Struct):
    """A session; `events` is None where its row has no such column."""

    events: list[Event] | None = None


class User(Struct, gc=False):
    """A row of a users table. Its time is what the bounds of its file are of."""

    time: Instant | None = msgspec.field(default=None, name="last_session_start")


Row = Event | Session | User
ROWS: dict[Kind, type[Row]] = {"event": Event, "session": Session, "user": User}


class Fault(NamedTuple):
    """What is wrong with a row; `row` counts from 0 in its batch."""

    row: int
    why: str


class Batch(Struct):
    """Some rows of a file, in order. A row with a fault stands there without values.

    `texts` are the bytes that the digest is of; None where the format does not have them. `lossy` says that the format
    replaces what it cannot write by U+FFFD, so that a text with that sign may have been another.
    """

    texts: Sequence[bytes] | None
    rows: Sequence[Row]
    faults: list[Fault] = field(default_factory=list)
    lossy: bool = False

    def events(self) -> Iterator[tuple[int, Event]]:
        """Every event, with the number of its row in the batch."""
        for number, row in enumerate(self.rows):
            if isinstance(row, Event):
                yield number, row
            elif isinstance(row, Session):
                for event in row.events or ():
                    yield number, event

    def ids(self) -> Iterator[tuple[int, str]]:
        """Every id that can be compared, with the number of its row."""
        for number, event in self.events():
            if event.id is not None and not (self.lossy and "\ufffd" in event.id):
                yield number, event.id

    def times(self) -> Iterator[datetime]:
        """Every time that there is: of events, or of the last sessions of users."""
        for _, event in self.events():
            if event.time is not None:
                yield event.time
        for row in self.rows:
            if isinstance(row, User) and row.time is not None:
                yield row.time


def instant_of(text: str) -> datetime:
    """A time that a cell or an element holds.

    Raises:
        ValueError: it is no time, or of no time zone.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"a time without time zone: {text[:40]!r}")
    return time


def id_bytes(row_id: str) -> bytes:
    """The id as bytes, halves of pairs included."""
    return row_id.encode("utf-8", "surrogatepass")
