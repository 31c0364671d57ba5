"""Batches: cutting, arranging and joining move events and their fragments together and lose neither."""

from collections.abc import Iterable
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tailrace.store import batches
from tailrace.store.batches import EventBatch, concat, cut_events, cut_fragments, pieces

Pair = tuple[str, str]  # the texts of an event's fragment and of the event


@st.composite
def made(draw: st.DrawFn, *, ordered: bool = True) -> EventBatch:
    """Fragments of some text with events of some text, a few without any; several chunks."""
    counts = draw(st.lists(st.integers(0, 4), min_size=1, max_size=6))
    parents = [place for place, count in enumerate(counts) for _ in range(count)]
    parents = parents if ordered else draw(st.permutations(parents))
    fragments = pa.table({"f": [f"{place}" * draw(st.integers(1, 9)) for place in range(len(counts))]})
    texts = [f"{place}" + "x" * draw(st.integers(0, 9)) for place in range(len(parents))]
    half = len(texts) // 2
    events = pa.table({"e": pa.chunked_array([texts[:half], texts[half:]], pa.string())})
    return EventBatch(fragments, pa.array(parents, pa.int32()), events)


def pairs(some: Iterable[EventBatch]) -> list[Pair]:
    """Each event with its fragment, in order."""
    found = []
    for batch in some:
        texts = batch.fragments["f"].to_pylist()
        found += [(texts[p], e) for p, e in zip(batch.parent.to_pylist(), batch.events["e"].to_pylist(), strict=True)]
    return found


def size(batch: EventBatch) -> int:
    """Bytes of text that its events become, each with its fragment."""
    return sum(len(one) + len(other) for one, other in pairs([batch]))


@given(made(ordered=False), st.integers(1, 5), st.integers(1, 60))
def test_events_are_cut_within_bounds(batch: EventBatch, most: int, most_bytes: int) -> None:
    """Pieces hold the events in order with just their fragments, and fit both bounds unless they are one event."""
    with patch.multiple(batches, BATCH_EVENTS=most, BATCH_BYTES=most_bytes):
        cut = list(cut_events(batch))
    assert pairs(cut) == pairs([batch])
    for piece in cut:
        assert set(piece.parents) == set(range(piece.fragments.num_rows))
        assert piece.events.num_rows == 1 or (piece.events.num_rows <= most and size(piece) <= most_bytes)


@given(made(), st.integers(1, 5), st.integers(1, 60))
def test_fragments_are_cut_apart_only_where_one_is_too_large(batch: EventBatch, most: int, most_bytes: int) -> None:
    """Pieces hold the events in order; a fragment is in two only if its own text does not fit, however many it has."""
    with patch.multiple(batches, BATCH_EVENTS=most, BATCH_BYTES=most_bytes):
        cut = list(cut_fragments(batch))
    assert pairs(cut) == pairs([batch])
    for one, two in pairwise(cut):
        texts = [text for text in (batch.fragments["f"].to_pylist()) if text in one.fragments["f"].to_pylist()]
        shared = set(texts) & set(two.fragments["f"].to_pylist())
        for text in shared:
            assert sum(len(event) for fragment, event in pairs([batch]) if fragment == text) > most_bytes
    for piece in cut:
        assert piece.fragments.num_rows == 1 or piece.events.num_rows <= most


@given(made(ordered=False), st.data())
def test_events_are_arranged_by_key(batch: EventBatch, data: st.DataObject) -> None:
    """In order of their keys, those of one key as they were, each with its fragment."""
    keys = data.draw(st.lists(st.integers(0, 2), min_size=batch.events.num_rows, max_size=batch.events.num_rows))
    found = batch.arranged(np.array(keys, np.int64))
    known = pairs([batch])
    assert pairs([found]) == [known[place] for place in sorted(range(len(keys)), key=keys.__getitem__)]


@given(made(), st.data())
def test_fragments_are_arranged_by_key(batch: EventBatch, data: st.DataObject) -> None:
    """Fragments in order of their keys, and their events follow them."""
    count = batch.fragments.num_rows
    keys = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    found = batch.by_fragment(np.array(keys, np.int64))
    order = sorted(range(count), key=keys.__getitem__)
    texts = batch.fragments["f"].to_pylist()
    assert found.fragments["f"].to_pylist() == [texts[place] for place in order]
    assert pairs([found]) == [pair for place in order for pair in pairs([batch]) if pair[0] == texts[place]]


@given(st.lists(made(ordered=False), min_size=1, max_size=3))
def test_batches_are_joined(some: list[EventBatch]) -> None:
    """One batch holds all events of several, in order, each with its own fragment."""
    assert pairs([concat(some)]) == pairs(some)


@given(made(ordered=False), st.data())
def test_events_are_kept_by_a_mask(batch: EventBatch, data: st.DataObject) -> None:
    """Just the events of a mask are left; fragments stay."""
    mask = data.draw(st.lists(st.booleans(), min_size=batch.events.num_rows, max_size=batch.events.num_rows))
    found = batch.keep(np.array(mask, np.bool_))
    assert pairs([found]) == [pair for pair, wanted in zip(pairs([batch]), mask, strict=True) if wanted]
    assert found.fragments.equals(batch.fragments)


def test_pieces_have_a_row_at_least() -> None:
    """A row larger than the bound is a piece of its own; no rows are no pieces."""
    with patch.object(batches, "BATCH_BYTES", 10):
        assert list(pieces(np.array([3, 3, 50, 50, 4, 6, 1]))) == [(0, 2), (2, 3), (3, 4), (4, 6), (6, 7)]
        assert list(pieces(np.array([0, 0, 0]), np.array([2, 0, 3]), most=2)) == [(0, 2), (2, 3)]
        assert list(pieces(np.array([], np.int64))) == []
