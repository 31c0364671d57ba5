"""Segments: immutable data, where it lies and what is known of it without opening it."""

from msgspec import Struct, field

# Names the key that an object is sealed with. One for all today, which means none; one per space later.
CLEAR = "clear"


class Location(Struct, frozen=True):
    """Bytes inside an object, so that one object can hold many small segments, and the key that opens them."""

    object: str
    offset: int
    length: int
    key_ref: str = CLEAR


class EventStatistics(Struct, frozen=True):
    """How often one event name occurs, and its parameters: key -> JSON type -> count.

    `amounts` are the names in those parameters of standard events that tables show a column each of.
    """

    count: int
    params: dict[str, dict[str, int]]
    amounts: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Statistics(Struct, frozen=True):
    """What the plan needs to skip a segment, to know wide columns and to estimate. Times in ms, both ends included.

    Events by app version and by country, where those are known; segments of older releases tell neither.
    """

    events: int
    fragments: int
    late_fragments: int
    min_time: int
    max_time: int
    min_start: int
    max_start: int
    names: dict[str, EventStatistics] = field(default_factory=dict)
    versions: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    by_version: dict[str, int] = field(default_factory=dict)
    by_country: dict[str, int] = field(default_factory=dict)


class NameCount(Struct, frozen=True):
    """How often one event name occurs."""

    count: int


class Outline(Struct, frozen=True):
    """Statistics without the parameters of events, which are most of it: what counts need, for a fifth of the work."""

    events: int
    fragments: int
    late_fragments: int
    names: dict[str, NameCount] = field(default_factory=dict)
    versions: tuple[str, ...] = ()
    by_version: dict[str, int] = field(default_factory=dict)
    by_country: dict[str, int] = field(default_factory=dict)


class Segment(Struct, frozen=True):
    """One committed segment. Rows inherit `added_seq` and are numbered from `first_event` and `first_fragment`."""

    number: int
    added_seq: int
    day: int
    bucket: str
    location: Location
    schema_version: int
    first_event: int
    first_fragment: int
    statistics: Statistics
