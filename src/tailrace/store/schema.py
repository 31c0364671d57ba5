"""Arrow schemas made from the canonical fields: accepted records in the inbox, fragments in segments."""

import pyarrow as pa

from tailrace.model.fields import EVENT_FIELDS, SCHEMA_VERSION, SESSION_FIELDS, Field, Kind

_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "int": pa.int64(),
    "time": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
}

STORED_EVENT_FIELDS: tuple[Field, ...] = tuple(f for f in EVENT_FIELDS if not f.derived)
STORED_SESSION_FIELDS: tuple[Field, ...] = tuple(f for f in SESSION_FIELDS if not f.derived)


def arrow_type(field: Field) -> pa.DataType:
    """How a field is held in memory and in Parquet."""
    return _TYPES[field.kind]


# One row per accepted event. `key` is its dedupe key; `session` and `profile` are JSON texts, parsed at seal.
RECORD_SCHEMA = pa.schema(
    [
        pa.field("key", pa.binary(16)),
        pa.field("actor_hash", pa.binary(16)),
        pa.field("actor", pa.string()),
        pa.field("device_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("session_end", pa.bool_()),
        pa.field("session", pa.string()),
        pa.field("profile", pa.string()),
        *(pa.field(f.name, arrow_type(f)) for f in STORED_EVENT_FIELDS),
    ]
)

EVENT_STRUCT = pa.struct([pa.field(f.name, arrow_type(f)) for f in STORED_EVENT_FIELDS])

# One row per fragment. The last three columns are null in a fresh segment, whose rows inherit from the catalogue;
# a rewrite fills them. A late fragment names the number of its session; other fragments n > 0 stand n rows after the
# first of theirs, in the same segment or the next ones of the same commit.
SEGMENT_SCHEMA = pa.schema(
    [
        *(pa.field(f.name, arrow_type(f)) for f in STORED_SESSION_FIELDS),
        pa.field("events", pa.list_(EVENT_STRUCT)),
        pa.field("row_session_number", pa.int64()),
        pa.field("row_seq", pa.int64()),
        pa.field("row_first_event", pa.int64()),
    ],
    metadata={"tailrace.schema_version": str(SCHEMA_VERSION)},
)
