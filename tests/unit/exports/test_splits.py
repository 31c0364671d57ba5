"""Splits: every row in exactly the file of its key, in the one order that there is."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from tailrace.exports import forms as forms_module
from tailrace.exports import parts as parts_module
from tailrace.exports import plan as plan_module
from tailrace.model.clock import DAY
from tailrace.model.export import Filters
from tailrace.model.window import Window
from tailrace.store import batches as batches_module
from tailrace.store import segments as segments_module
from tailrace.store.scan import Selection
from tests.sending import T0, Content, Row, event, held, make
from tests.unit.exports.histories import NAMES, Store, Told
from tests.unit.store.history import milliseconds, scanned

COLUMNS = ("id", "event", "time", "session_start", "session_number", "number")
KEYS: dict[tuple[str, str], Callable[[Row], str]] = {
    ("events", "hour"): lambda row: str(row["time"])[:13],
    ("events", "day"): lambda row: str(row["time"])[:10],
    ("events", "event"): lambda row: str(row["event"]),
    ("sessions", "hour"): lambda row: str(row["session_start"])[:13],
    ("sessions", "day"): lambda row: str(row["session_start"])[:10],
}
FORMS = [("json", "none"), ("json", "gzip"), ("json", "zstd"), ("json", "zip"), ("parquet", "none"), ("parquet", "zip")]


def by_key(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    """Rows by key, in their order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


@pytest.mark.parametrize(("shape", "split"), KEYS)
def test_every_row_is_in_the_file_of_its_key(told: Told, shape: str, split: str) -> None:
    """Events by their own time or name, sessions by their start: in order of key, rows of a key in the usual order.

    In each packing, as files and as members of an archive, which the manifest names with their rows and bounds.
    """
    store = told()
    asked: dict[str, Any] = {"shape": shape, "columns": COLUMNS}
    wholes = {name: store.rows(**asked, format=name, packing="none", split="single") for name in ("json", "parquet")}
    for format_, packing in FORMS:
        whole = wholes[format_]
        manifest, found = store.contents(**asked, format=format_, packing=packing, split=split)
        texts = [as_texts(one.rows) for one in found]
        wanted = by_key(as_texts(whole), KEYS[shape, split])
        assert {one.entry["key"]: rows for one, rows in zip(found, texts, strict=True)} == wanted
        assert [one.entry["key"] for one in found] == sorted(wanted)
        assert len(wanted) > 2
        assert manifest["rows"] == len(whole)
        for one, rows in zip(found, texts, strict=True):
            check_entry(one, rows)


def as_texts(rows: Sequence[Row]) -> list[Row]:
    """Rows with their times as row formats write them."""
    return [{name: as_text(value) for name, value in row.items()} for row in rows]


def as_text(value: Any) -> Any:
    """An instant as text, also inside of events."""
    if isinstance(value, list):
        return as_texts(value)
    return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z" if hasattr(value, "microsecond") else value


def check_entry(one: Content, rows: Sequence[Row]) -> None:
    """What the manifest says of a file is so."""
    entry = one.entry
    assert entry["of"] == "rows"
    assert entry["rows"] == len(rows)
    assert str(entry["key"]) in entry["name"]
    times = [inner["time"] for row in rows for inner in row.get("events", [row])]
    assert (entry["min_time"], entry["max_time"]) == (min(times), max(times))


@pytest.mark.parametrize("shape", ["events", "sessions"])
def test_files_of_a_size(told: Told, monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    """Files are filled in order and none is larger than asked, before packing, unless it is one piece."""
    store = told(size=16)
    monkeypatch.setattr(forms_module, "SMALLEST_FILE", 1)
    monkeypatch.setattr(batches_module, "BATCH_EVENTS", 1)
    monkeypatch.setattr(parts_module, "ONE_KEY_BYTES", 1)  # a row is a piece
    form: dict[str, Any] = {"shape": shape, "columns": COLUMNS}
    whole = store.rows(**form, split="single")
    for packing in ("none", "gzip", "zip"):
        for limit in (1, 500, 3000, 10**6):
            _, found = store.contents(**form, split="size", file_bytes=limit, packing=packing)
            assert [row for one in found for row in one.rows] == whole
            sizes = [len(one.data) for one in found]
            assert all(size <= limit or len(one.rows) == 1 for size, one in zip(sizes, found, strict=True)), limit
            firsts = [len(one.data.splitlines()[0]) + 1 for one in found]
            assert all(size + first > limit for size, first in zip(sizes, firsts[1:], strict=False)), "not filled"
            assert [one.entry["key"] for one in found] == [f"{n:04}" for n in range(1, len(found) + 1)]
            assert (len(found) == 1) == (limit == 10**6)


def test_files_of_a_size_in_parquet(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows in the same order where a piece is a row group."""
    store = told()
    monkeypatch.setattr(forms_module, "SMALLEST_FILE", 1)
    monkeypatch.setattr(parts_module, "ONE_KEY_BYTES", 1)
    form: dict[str, Any] = {"format": "parquet", "packing": "none", "columns": COLUMNS}
    _, found = store.contents(**form, split="size", file_bytes=1)
    assert len(found) > 2
    assert [row for one in found for row in one.rows] == store.rows(**form, split="single")


def test_many_keys_wait_for_their_pieces(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little may wait and however small batches are, files hold the same bytes."""
    store = told()
    asked = {"split": "event", "packing": "none", "columns": COLUMNS}
    before = [(one.entry["key"], one.data) for one in store.contents(**asked)[1]]
    monkeypatch.setattr(batches_module, "BATCH_EVENTS", 3)
    monkeypatch.setattr(parts_module, "MANY_KEYS_BYTES", 200)
    assert [(one.entry["key"], one.data) for one in store.contents(**asked)[1]] == before
    assert [key for key, _ in before] == sorted(NAMES)


def test_the_order_of_rows(told: Told) -> None:
    """By day of the session's start, bucket, commit and place: with several shards, whatever each one sealed when."""
    store = told()
    rows = store.rows(columns=COLUMNS)
    place: dict[str, tuple[str, int]] = {}
    everything = Selection(Window("available", None, None), Filters(), ("id",))
    for one in store.segments():
        place |= {row["id"]: (one.bucket, one.added_seq) for row in scanned(store.house, [one], {}, everything)}
    keys = [(milliseconds(row["session_start"]) // DAY, *place[row["id"]], row["number"]) for row in rows]
    assert len(rows) == len(store.sent)
    assert keys == sorted(keys)
    assert len({bucket for _, bucket, _, _ in keys}) == 4
    numbers = [row["number"] for row in rows]
    assert any(one > two for one, two in pairwise(numbers)), "or the order would be that of numbers alone"


@pytest.mark.parametrize("form", [{}, {"shape": "tables", "split": "event"}, {"split": "hour", "format": "csv"}])
def test_shares_of_a_large_segment(store: Store, monkeypatch: pytest.MonkeyPatch, form: dict[str, Any]) -> None:
    """A segment that several slices share comes out as it does in one."""
    monkeypatch.setattr(segments_module, "ROW_GROUP_EVENTS", 2)
    store.wave([event(NAMES[n % 3], T0 + n, device=f"d{n % 5}", session=f"s{n % 11}") for n in range(60)])
    store.wave([event(NAMES[n % 3], T0 + n, device=f"d{n % 5}", session=f"s{n % 11}") for n in range(60, 90)])
    asked = form | {"packing": "none"}
    once = make(store.house, store.scope, store.everything(**asked))
    before = [(one.entry["key"], one.data) for one in held(store.house, once)]
    for most in (1, 4, 9):
        monkeypatch.setattr(plan_module, "SLICE_EVENTS", most)
        shared = make(store.house, store.scope, store.everything(**asked))
        assert (shared.slices or 0) > (once.slices or 0)
        assert [(one.entry["key"], one.data) for one in held(store.house, shared)] == before
