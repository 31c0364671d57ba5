"""Records and submissions for the rooms of the store, without accept."""

from collections.abc import Sequence
from hashlib import blake2b

import pyarrow as pa

from tailrace.model.access import Scope
from tailrace.store.inbox import Submission
from tailrace.store.schema import RECORD_SCHEMA

T0 = 1_767_323_045_678


def records(ids: Sequence[str], time: int = T0) -> pa.Table:
    """Records of one actor that carry these ids."""
    rows = [
        {
            "key": blake2b(text.encode(), digest_size=16).digest(),
            "actor_hash": bytes(16),
            "actor": "d1",
            "id": text,
            "event": "e",
            "time": time,
            "received_at": time,
        }
        for text in ids
    ]
    return pa.Table.from_pylist(rows, schema=RECORD_SCHEMA)


def submission(scope: Scope, ids: Sequence[str], *, shard: int = 0, time: int = T0) -> Submission:
    """What a request brings."""
    return Submission(scope, time, {shard: records(ids, time)} if ids else {})


def ids_of(table: pa.Table) -> list[str]:
    """The ids of records, in order."""
    found: list[str] = table["id"].to_pylist()
    return found
