"""Values that are JSON texts of any type, as the plain texts that cells hold."""

import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.jsontext import decode


def strings(column: pa.Array) -> pa.Array:
    """Which of JSON texts are strings."""
    return pc.starts_with(column, '"')


def plain(column: pa.Array) -> pa.Array:
    """Strings without their quotes and escapes; all else as the JSON text that it is. A JSON null is no value."""
    column = pc.if_else(pc.equal(column, "null"), pa.scalar(None, pa.string()), column)
    are_strings = pc.fill_null(strings(column), False)
    return pc.replace_with_mask(column, are_strings, decode(column.filter(are_strings)))
