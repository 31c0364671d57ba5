"""Hashes that decide identity and place. They are part of the stored data: they never change.

All are BLAKE2b, cut to 128 bits but for names, whose scope is one user. Odds that two of n ids within one app meet:
about n²/2¹²⁹, which is 10⁻¹⁵ at 10¹² ids.
"""

from collections.abc import Iterable
from hashlib import blake2b

WIDTH = 16  # bytes


def _digest(person: bytes, *parts: bytes) -> bytes:
    state = blake2b(digest_size=WIDTH, person=person)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.digest()


def actor_hash(app_id: str, actor: str) -> bytes:
    """Where an actor's events live: the first bits choose the shard and the bucket."""
    return _digest(b"actor", app_id.encode(), actor.encode())


def keys_of_ids(ids: Iterable[str]) -> list[bytes]:
    """Dedupe keys of events that carry a message id of their sender."""
    return [blake2b(text.encode(), digest_size=WIDTH, person=b"id").digest() for text in ids]


def key_of_record(actor: str, sent_at: int | None, position: int, raw: bytes) -> bytes:
    """Dedupe key of an event without an id: a resend of the same batch gives the same key.

    Received and corrected times never enter, so the second attempt of a batch is still the same batch.
    """
    sent = b"" if sent_at is None else str(sent_at).encode()
    return _digest(b"record", actor.encode(), sent, str(position).encode(), raw)


def keys_of_rows(rows: Iterable[bytes]) -> list[bytes]:
    """First part of a file row's identity: its content. `occurrence_key` adds which of its equals it is."""
    return [blake2b(row, digest_size=WIDTH, person=b"row").digest() for row in rows]


def occurrence_key(row_key: bytes, occurrence: int) -> bytes:
    """Dedupe key of the n-th row with this content in one file."""
    return row_key if occurrence == 0 else _digest(b"occurrence", row_key, str(occurrence).encode())


def name_hash(name: str) -> int:
    """An event name among the at most some hundred of one user, in 64 bits: odds that two meet are 10⁻¹⁴ at 500."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8, person=b"name").digest(), "little")
