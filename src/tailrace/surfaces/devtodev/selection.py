"""What a request selects: its list of events, parsed, with groups resolved."""

from msgspec import Struct

from tailrace.model.predicates import Predicate


class Selected(Struct, frozen=True):
    """Events of one file of the report.

    `event` is the id of a standard event, or the name of a `custom` one. `alias` names the file in place of it, where
    one was given. `named` says that the event was asked for by name, and not with a group: then there is a file even
    if there is nothing to put into it.
    """

    event: str
    custom: bool
    where: tuple[Predicate, ...] = ()
    alias: str | None = None
    named: bool = False
