"""Columns as they are asked for."""

from collections.abc import Sequence

from tailrace.model.errors import Invalid
from tailrace.model.fields import EVENT_ROW_COLUMNS


def check_columns(names: Sequence[str], where: str) -> tuple[str, ...]:
    """Names of columns, each there and once.

    Raises:
        Invalid: one is not; `where` is how the request calls them.
    """
    if not names:
        raise Invalid(where, "name at least one column, or none of this for all")
    for name in names:
        if name not in EVENT_ROW_COLUMNS:
            raise Invalid(where, f"there is no column {name!r}; see docs/fields.md for all of them")
    if len(set(names)) < len(names):
        raise Invalid(where, "a column is named twice")
    return tuple(names)
