"""What every object storage does. A storage joins by one line in `STORAGES`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.config import S3Settings
from tailrace.files.base import Files, Unfinished
from tailrace.files.local import LocalFiles
from tailrace.files.s3 import uploads
from tailrace.files.s3.place import place_of
from tailrace.files.s3.storage import S3Files
from tailrace.model.errors import TailraceError
from tailrace.model.segment import Location
from tests.stores import S3Server

DATA = bytes(range(256)) * 40
PART = 5 << 20  # the smallest that S3 takes


def local_files(request: pytest.FixtureRequest) -> Files:
    """A directory."""
    return LocalFiles(request.getfixturevalue("tmp_path") / "objects")


def s3_files(server: str) -> Callable[[pytest.FixtureRequest], Files]:
    """A folder of a new bucket of a server. Parts are small, so that some megabytes are many."""

    def make(request: pytest.FixtureRequest) -> Files:
        running: S3Server = request.getfixturevalue(server)
        patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
        for name, value in running.environment.items():
            patch.setenv(name, value)
        patch.setattr(uploads, "FIRST_PART", PART)
        return S3Files(place_of(f"s3://{running.bucket()}/a/folder", S3Settings(retries=2)))

    return make


STORAGES: dict[str, Callable[[pytest.FixtureRequest], Files]] = {
    "local": local_files,
    "swift": s3_files("swift"),
    "moto": s3_files("moto"),
}


@pytest.fixture(params=STORAGES)
def files(request: pytest.FixtureRequest) -> Files:
    """An empty storage."""
    return STORAGES[request.param](request)


def put(files: Files, key: str, data: bytes) -> None:
    """A whole object."""
    with files.create(key) as sink:
        sink.write(data)


def put_half(files: Files, key: str, data: bytes = DATA) -> None:
    """A writer that fails."""
    with files.create(key) as sink:
        sink.write(data)
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
    assert keys(files) == []
    assert begun(files) == []
    put(files, "a/b", b"again")
    assert get(files, "a/b") == b"again"


@pytest.mark.parametrize(("start", "stop"), [(0, len(DATA)), (0, 1), (255, 600), (len(DATA) - 1, len(DATA))])
def test_any_bytes_are_read(files: Files, start: int, stop: int) -> None:
    """Both ways to read a range bring exactly its bytes; one that must not wait may have nothing to bring."""
    put(files, "a/b", DATA)
    with closing(files.ranges("a/b")) as source:
        assert bytes(source.read(start, stop)) == DATA[start:stop]
        assert bytes(source.at_once(start, stop) or DATA[start:stop]) == DATA[start:stop]
        assert source.step >= 1 << 20


def test_bytes_that_are_not_there_are_an_error(files: Files) -> None:
    """A range over the end is never cut short without a word, and an absent object has none."""
    put(files, "a", DATA)
    with closing(files.ranges("a")) as source:
        assert source.at_once(1, len(DATA) + 1) is None
        with pytest.raises(OSError, match="ends before"):
            source.read(1, len(DATA) + 1)
    with pytest.raises(FileNotFoundError), closing(files.ranges("absent")) as source:
        source.read(0, 1)
    with pytest.raises(LookupError, match="key"):
        files.ranges("a", "another key")


def test_an_object_that_goes_while_it_is_read_never_reads_wrong(files: Files) -> None:
    """After it was deleted, and another one was made, a range is what it was or an error."""
    put(files, "a", DATA)
    with closing(files.ranges("a")) as source:
        assert bytes(source.read(0, 10)) == DATA[:10]
        files.delete("a")
        put(files, "b", DATA[::-1])
        with suppress(FileNotFoundError):
            assert bytes(source.read(10, 500)) == DATA[10:500]


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
    reads: tuple[Callable[[str], object], ...] = (
        files.size,
        files.delete,
        files.ranges,
        lambda k: list(files.chunks(k)),
        lambda k: files.reader(Location(k, 0, 1)),
    )
    for read in reads:
        with pytest.raises(ValueError, match="key"):
            read(key)
    assert (tmp_path / "outside").read_bytes() == b"precious"


def test_dots_within_a_name_are_a_name(files: Files) -> None:
    """Only a whole `..` climbs; ids with dots are fine."""
    put(files, "a..b/..c/d..", b"x")
    assert get(files, "a..b/..c/d..") == b"x"


def test_a_large_object_is_whole_and_read_anywhere(files: Files) -> None:
    """Megabytes written in uneven pieces come back: in order, and at positions that a reader jumps between."""
    data = pattern(2 * PART + 12_345)
    with files.create("large") as sink:
        for start in range(0, len(data), 700_001):
            sink.write(memoryview(data)[start : start + 700_001])
        assert_absent(files, "large")
    assert files.size("large") == len(data)
    assert get(files, "large") == data
    with files.reader(Location("large", 1, len(data) - 2)) as source:
        for position, length in JUMPS:
            source.seek(position)
            assert source.read(length) == data[1 + position : 1 + position + length]
        assert source.read() == data[1 + sum(JUMPS[-1]) : -1]
        assert source.read() == b""


JUMPS = [(10_400_000, 50_000), (0, 10), (5, 9_000_000), (4_194_300, 20), (9_999_999, 1), (3_000_000, 100)]


def test_parquet_is_read_from_a_location(files: Files) -> None:
    """A Parquet file in the middle of an object is read column by column and row group by row group."""
    table = pa.table({"n": pa.array(range(400_000)), "text": pa.array([f"{n:x}" * 5 for n in range(400_000)])})
    out = pa.BufferOutputStream()
    pq.write_table(table, out, row_group_size=50_000, compression="none")
    data = out.getvalue().to_pybytes()
    assert len(data) > 9 << 20  # too much to be read at once
    put(files, "pack", b"before" + data + b"after")
    with files.reader(Location("pack", 6, len(data))) as source, pq.ParquetFile(source) as file:
        assert file.read_row_group(5, ["n"]) == table.select(["n"]).slice(250_000, 50_000)
        assert file.read() == table


def test_a_large_writer_that_fails_leaves_nothing(files: Files) -> None:
    """Neither an object nor a part stays of what was sent before the error."""
    with pytest.raises(RuntimeError, match="midway"):
        put_half(files, "a", bytes(2 * PART + 1))
    assert keys(files) == []
    assert begun(files) == []


def test_objects_are_listed_by_folder(files: Files) -> None:
    """With key, size and time; a folder's name is whole; objects of other folders and unfinished ones do not show."""
    wanted = {f"acme/app/{number:02d}": number for number in range(25)}
    for key, size in wanted.items():
        put(files, key, bytes(size))
    put(files, "acme/app2/x", b"")
    put(files, "top", b"")
    before = max(listed.modified_ms for listed in files.list(""))
    with files.create("acme/app/new") as sink:
        sink.write(DATA)
        assert {listed.key: listed.bytes for listed in files.list("acme/app")} == wanted
    assert sorted(keys(files)) == sorted([*wanted, "acme/app/new", "acme/app2/x", "top"])
    assert list(files.list("acme/ap")) == []
    assert list(files.list("nobody")) == []
    assert all(0 < listed.modified_ms <= before + 60_000 for listed in files.list(""))


def test_what_a_killed_writer_leaves_is_found_and_removed(files: Files) -> None:
    """A writer that never ends shows with its key, below its folder only; once aborted it shows no more."""
    with ExitStack() as abandoned:
        sink = abandoned.enter_context(files.create("acme/app/left"))
        sink.write(bytes(2 * PART))  # enough to have begun on S3
        assert [left.key for left in files.unfinished("acme/app")] == ["acme/app/left"]
        assert [left.key for left in files.unfinished("acme/other")] == []
        for left in begun(files):
            files.abort(left)
            files.abort(left)  # twice is fine
        assert begun(files) == []
        with pytest.raises((TailraceError, OSError)):  # the writer lived after all: it is told
            abandoned.close()
    assert keys(files) == []
    assert begun(files) == []


def test_aborting_does_not_touch_what_was_finished(files: Files) -> None:
    """A writer that comes to its end between the look and the abort keeps its object."""
    with files.create("a") as sink:
        sink.write(bytes(2 * PART))
        (left,) = begun(files)
    files.abort(left)
    assert files.size("a") == 2 * PART


def keys(files: Files) -> list[str]:
    """All objects."""
    return [listed.key for listed in files.list("")]


def begun(files: Files) -> list[Unfinished]:
    """All that is not finished."""
    return list(files.unfinished(""))


def pattern(size: int) -> bytes:
    """Bytes of which each stretch is different."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


def assert_absent(files: Files, key: str) -> None:
    """Every way to read says FileNotFoundError."""
    for read in (files.size, lambda k: list(files.chunks(k)), lambda k: files.reader(Location(k, 0, 1))):
        with pytest.raises(FileNotFoundError):
            read(key)
