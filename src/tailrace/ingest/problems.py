"""Problems: rules that a record must keep to be taken, whatever it says."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from tailrace.columns.sizes import text_bytes
from tailrace.ingest.texts import depth, widest
from tailrace.model.policy import LIMITS

NAMES = ("event", "id", "user_id", "device_id", "session_id")
DEEPEST = 64  # levels of nesting in any JSON that is kept
JSON_NAMES = ("params", "session", "profile", "page_properties")
SHORTEST_MEMBER = 5  # bytes of `"":0,`
EARLIEST = -62_135_596_800_000  # year 1
LATEST = 253_402_300_799_999  # year 9999
NO_SUCH_YEAR = "not between the years 1 and 9999"

Mask = npt.NDArray[np.bool_]


class Bounds(Struct, frozen=True):
    """How large a record and its parts may be: bytes of a name or id, bytes of all, keys of an object."""

    text_bytes: int = LIMITS["ingest.max_text_bytes"].default
    record_bytes: int = LIMITS["ingest.max_record_bytes"].default
    keys: int = LIMITS["ingest.max_params"].default


def problems(table: pa.Table, bounds: Bounds) -> dict[int, str]:
    """Rows of a draft's table that break a rule, with the first rule that each breaks."""
    found: dict[int, str] = {}
    for mask, reason in _rules(table, bounds):
        for row in np.flatnonzero(mask) if mask is not None else ():
            found.setdefault(int(row), reason)
    return found


def _rules(table: pa.Table, bounds: Bounds) -> Iterator[tuple[Mask | None, str]]:
    """Where each rule is broken; None for nowhere, where something cheaper than a look at each row tells it."""
    yield missing(table["event"]), "event: a name is needed"
    yield missing(actor_of(table)), "no identity: give device_id or user_id"
    for name in ("time", "sent_at"):
        yield _outside(table[name]), f"{name}: {NO_SUCH_YEAR}"
    if _most(pc.binary_length(names_of(table))) > bounds.text_bytes:
        for name in NAMES:
            yield _too_long(table[name], bounds.text_bytes), f"{name}: longer than {bounds.text_bytes} bytes"
    yield _too_large(table, bounds.record_bytes), f"larger than {bounds.record_bytes} bytes"
    said = [name for name in JSON_NAMES if table[name].null_count < table.num_rows]
    for name in said:
        yield _too_deep(table[name]), f"{name}: nested deeper than {DEEPEST} levels"
    for name in said:
        yield _too_wide(table[name], bounds.keys), f"{name}: an object has more than {bounds.keys} keys"


def missing(column: pa.ChunkedArray) -> Mask:
    """Where a text is null or empty."""
    return _numpy(pc.fill_null(pc.equal(pc.binary_length(column), 0), fill_value=True))


def names_of(table: pa.Table) -> pa.ChunkedArray:
    """All names and ids of a table one after the other, for a look that rarely finds anything."""
    return pa.chunked_array([chunk for name in NAMES for chunk in table[name].chunks], pa.string())


def _outside(column: pa.ChunkedArray) -> Mask | None:
    if column.null_count == len(column):
        return None
    wrong = pc.or_(pc.less(column, EARLIEST), pc.greater(column, LATEST))
    return _numpy(pc.fill_null(wrong, fill_value=False))


def _too_long(column: pa.ChunkedArray, limit: int) -> Mask:
    return _numpy(pc.fill_null(pc.greater(pc.binary_length(column), limit), fill_value=False))


def _too_large(table: pa.Table, limit: int) -> Mask | None:
    return text_bytes(table) > limit if table.get_total_buffer_size() > limit else None


def _too_deep(column: pa.ChunkedArray) -> Mask | None:
    """Texts that nobody can be asked to parse. Brackets are counted first, and only suspects are walked."""
    if _most(pc.binary_length(column)) <= DEEPEST:
        return None
    brackets = pc.add(pc.count_substring(column, "{"), pc.count_substring(column, "["))
    if _most(brackets) <= DEEPEST:
        return None
    mask = _numpy(pc.fill_null(pc.greater(brackets, DEEPEST), fill_value=False)).copy()
    for row in np.flatnonzero(mask):
        mask[row] = depth(column[int(row)].as_py().encode()) > DEEPEST
    return mask


def _too_wide(column: pa.ChunkedArray, limit: int) -> Mask | None:
    """Texts with an object of too many keys, each of which is a column of its own in tables."""
    lengths = pc.binary_length(column)
    if _most(lengths) <= limit * SHORTEST_MEMBER:
        return None
    mask = np.zeros(len(column), dtype=np.bool_)
    for row in np.flatnonzero(pc.fill_null(pc.greater(lengths, limit * SHORTEST_MEMBER), fill_value=False)):
        text = column[int(row)].as_py().encode()
        mask[row] = text.count(b":") > limit and widest(text) > limit
    return mask


def _most(numbers: pa.ChunkedArray) -> int:
    """The largest number; 0 where there is none."""
    return pc.max(numbers).as_py() or 0


def actor_of(table: pa.Table) -> pa.ChunkedArray:
    """The device or anonymous id, else the user id."""
    device = table["device_id"]
    return pc.if_else(pc.fill_null(pc.greater(pc.binary_length(device), 0), fill_value=False), device, table["user_id"])


def _numpy(column: pa.ChunkedArray) -> Mask:
    mask: Mask = column.to_numpy()
    return mask
