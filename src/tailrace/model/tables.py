"""Tables that a request names itself: which events each of them holds, and what a row of it is."""

from msgspec import Struct

from tailrace.model.predicates import Predicate
from tailrace.model.rows import RowShape


class Table(Struct, frozen=True):
    """One table of an export, a file of its own: the events of some names for which all predicates hold.

    Tables may hold the same events. `name` is what its file is called as far as file systems allow. With `keep_empty`
    there is a file of no rows where others have some.
    """

    name: str
    events: tuple[str, ...]
    where: tuple[Predicate, ...]
    row_shape: RowShape
    keep_empty: bool = False
