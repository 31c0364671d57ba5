"""What every object storage does. A storage joins by one line in `STORAGES`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tailrace.files.base import Files
from tailrace.files.local import LocalFiles
from tailrace.model.segment import Location

STORAGES: dict[str, Callable[[Path], Files]] = {"local": LocalFiles}
DATA = bytes(range(256)) * 40


@pytest.fixture(params=STORAGES)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """An empty storage."""
    return STORAGES[request.param](tmp_path / "objects")


def put(files: Files, key: str, data: bytes) -> None:
    """A whole object."""
    with files.create(key) as sink:
        sink.write(data)


def put_half(files: Files, key: str) -> None:
    """A writer that fails."""
    with files.create(key) as sink:
        sink.write(DATA)
        raise RuntimeError("midway")


def get(files: Files, key: str) -> bytes:
    """All of an object."""
    return b"".join(files.chunks(key))


def test_what_was_written_is_read(files: Files) -> None:
    """Bytes come back in order, however they were cut when written and when read."""
    with files.create("a/b/c") as sink:
        sink.write(DATA[:1])
        sink.write(memoryview(DATA)[1:5000])
        sink.write(b"")
        sink.write(DATA[5000:])
    assert files.size("a/b/c") == len(DATA)
    for size in (1, 1000, len(DATA), 1 << 20):
        chunks = list(files.chunks("a/b/c", size))
        assert b"".join(chunks) == DATA
        assert all(0 < len(chunk) <= size for chunk in chunks)


def test_an_empty_object_is_an_object(files: Files) -> None:
    """Nothing written is an object of no bytes, not an absent one."""
    put(files, "empty", b"")
    assert files.size("empty") == 0
    assert get(files, "empty") == b""


@pytest.mark.parametrize(("offset", "length"), [(0, len(DATA)), (0, 10), (1, 1), (255, 300), (len(DATA) - 1, 1)])
def test_a_location_is_read_and_nothing_around_it(files: Files, offset: int, length: int) -> None:
    """A reader of (offset, length) sees exactly these bytes, with positions of their own."""
    put(files, "pack", DATA)
    expected = DATA[offset : offset + length]
    with files.reader(Location("pack", offset, length)) as source:
        assert source.size() == length
        assert source.read() == expected
        source.seek(length - 1)
        assert source.read() == expected[-1:]


def test_a_writer_that_fails_leaves_nothing(files: Files, tmp_path: Path) -> None:
    """An exception inside the block: no object under the key, and no bytes anywhere else either."""
    with pytest.raises(RuntimeError, match="midway"):
        put_half(files, "a/b")
    assert_absent(files, "a/b")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    put(files, "a/b", b"again")
    assert get(files, "a/b") == b"again"


def test_an_object_is_not_visible_before_it_is_whole(files: Files) -> None:
    """While the block runs there is no object; afterwards there is one, and nothing beside it."""
    with files.create("a") as sink:
        sink.write(DATA)
        assert_absent(files, "a")
    assert get(files, "a") == DATA


def test_a_second_writer_never_mixes_with_the_first(files: Files) -> None:
    """Two writers of one key that overlap leave the whole object of one of them."""
    with files.create("a") as one:
        one.write(b"1" * 100)
        with files.create("a") as two:
            two.write(b"2" * 50)
        one.write(b"1" * 100)
    assert get(files, "a") in (b"1" * 200, b"2" * 50)


def test_many_threads_write_side_by_side(files: Files) -> None:
    """Objects in one new directory, made at the same time, all arrive."""
    keys = [f"new/day/{number}" for number in range(32)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: put(files, key, key.encode()), keys))
    assert [get(files, key) for key in keys] == [key.encode() for key in keys]


def test_deleting_may_happen_twice(files: Files) -> None:
    """A deleted object is gone, its neighbours stay, and deleting what is absent is fine."""
    put(files, "a/1", b"1")
    put(files, "a/2", b"2")
    for _ in range(2):
        files.delete("a/1")
    files.delete("never/there")
    assert_absent(files, "a/1")
    assert get(files, "a/2") == b"2"


def test_a_reader_outlives_its_object(files: Files) -> None:
    """What was opened can be read to its end although the object is deleted meanwhile."""
    put(files, "a", DATA)
    with files.reader(Location("a", 0, len(DATA))) as source:
        files.delete("a")
        assert source.read() == DATA


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/outside", "a/..", ".."])
def test_a_key_cannot_leave_the_storage(files: Files, tmp_path: Path, key: str) -> None:
    """Keys that climb or begin at the root are refused by every verb, and touch nothing."""
    (tmp_path / "outside").write_bytes(b"precious")
    with pytest.raises(ValueError, match="key"):
        put(files, key, b"")
    for read in (files.size, files.delete, lambda k: list(files.chunks(k)), lambda k: files.reader(Location(k, 0, 1))):
        with pytest.raises(ValueError, match="key"):
            read(key)
    assert (tmp_path / "outside").read_bytes() == b"precious"


def test_dots_within_a_name_are_a_name(files: Files) -> None:
    """Only a whole `..` climbs; ids with dots are fine."""
    put(files, "a..b/..c/d..", b"x")
    assert get(files, "a..b/..c/d..") == b"x"


def assert_absent(files: Files, key: str) -> None:
    """Every way to read says FileNotFoundError."""
    for read in (files.size, lambda k: list(files.chunks(k)), lambda k: files.reader(Location(k, 0, 1))):
        with pytest.raises(FileNotFoundError):
            read(key)
