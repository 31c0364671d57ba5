"""Hashes are stored data: these values are in every store, and a release that changes one loses its dedupe."""

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.model.hashing import actor_hash, key_of_record, keys_of_ids, keys_of_rows, occurrence_key


@pytest.mark.parametrize(
    ("app", "actor", "golden"),
    [
        ("app_waves", "d1", "0d31008064cd86d0cc59756ea967c843"),
        ("ab", "c", "5eaa040f1d93cf767aa91b144df7b905"),
        ("a", "bc", "205c96ee9b41c8b3a045bd53a538e80d"),
    ],
)
def test_an_actors_place_never_changes(app: str, actor: str, golden: str) -> None:
    """Actor hashes are golden, and the border between app and actor counts."""
    assert actor_hash(app, actor).hex() == golden


def test_keys_of_ids_never_change() -> None:
    """Dedupe keys of message ids are golden."""
    assert [key.hex() for key in keys_of_ids(["", "e1", "ünï"])] == [
        "13d5ae6c643e932c7301137a6be5e065",
        "b3dd060d2e64a2fcba1dccd69c0f67b5",
        "292b1193c91704651e15630c3e3d6074",
    ]


@pytest.mark.parametrize(
    ("actor", "sent_at", "position", "raw", "golden"),
    [
        ("d1", None, 0, b"{}", "7e174c257b653a7cd90f9e2728d9e2d4"),
        ("d1", 1_767_323_045_678, 3, b'{"event":"x"}', "93eb773515156fd9f465cf1f6e9f54e2"),
    ],
)
def test_the_key_of_a_record_never_changes(
    actor: str, sent_at: int | None, position: int, raw: bytes, golden: str
) -> None:
    """Dedupe keys of records without an id are golden."""
    assert key_of_record(actor, sent_at, position, raw).hex() == golden


def test_keys_of_rows_never_change() -> None:
    """Keys of file rows are golden: the content, then which of its equals it is; the first is the content's own."""
    row = keys_of_rows([b"a,b"])[0]
    assert row.hex() == "7d4dfac1fb5557de67560dbb533946af"
    assert occurrence_key(row, 0) == row
    assert occurrence_key(row, 1).hex() == "f3ce0227fc456d82205e50b1ceaeb7bd"
    assert occurrence_key(bytes(16), 12).hex() == "45938ad1631037fb86551235c1b24c9b"


records = st.tuples(st.text(max_size=4), st.none() | st.integers(0, 99), st.integers(0, 99), st.binary(max_size=4))


@given(records, records)
def test_records_share_a_key_only_when_all_of_them_is_equal(
    one: tuple[str, int | None, int, bytes], other: tuple[str, int | None, int, bytes]
) -> None:
    """No part of a record's identity can flow into the next one: 1 and 23 are not 12 and 3."""
    assert (key_of_record(*one) == key_of_record(*other)) == (one == other)


def test_kinds_of_keys_never_meet() -> None:
    """The same text as an id, as a row and without a purpose gives three keys."""
    text = "e1"
    found = {keys_of_ids([text])[0], keys_of_rows([text.encode()])[0], blake2b(text.encode(), digest_size=16).digest()}
    assert len(found) == 3
