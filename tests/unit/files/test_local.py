"""Local files: what a directory adds to the conformance suite."""

import os
from pathlib import Path

import pytest

from tailrace.files.local import LocalFiles
from tailrace.model.segment import Location


def test_nothing_but_the_object_is_left(tmp_path: Path) -> None:
    """The file under its key is the only one; the unfinished name is gone."""
    with LocalFiles(tmp_path).create("a/b.parquet") as sink:
        sink.write(b"x")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == ["a/b.parquet"]


def test_the_file_and_every_new_directory_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are synced before the name appears; then the name, and the names of all directories that were made."""
    steps: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink()}")
        real_fsync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        steps.append(f"rename {target}")
        return real_rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    (tmp_path / "store").mkdir()
    with LocalFiles(tmp_path / "store").create("a/b/c") as sink:
        sink.write(b"x")
    place = steps.index(f"rename {tmp_path}/store/a/b/c")
    assert steps[place - 1].startswith(f"sync {tmp_path}/store/a/b/c.")
    assert f"sync {tmp_path}/store/a/b" in steps[place + 1 :]
    assert {f"sync {tmp_path}/store", f"sync {tmp_path}/store/a"} <= set(steps)


def test_a_failed_rename_leaves_no_unfinished_file(tmp_path: Path) -> None:
    """A key that cannot take its name (a directory has it) fails, and its bytes do not stay behind."""
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a"), LocalFiles(tmp_path).create("a") as sink:
        sink.write(b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_whole_object_is_mapped(tmp_path: Path) -> None:
    """Reading a whole object takes no memory of its own: the reader is a map of the file."""
    files = LocalFiles(tmp_path)
    with files.create("a") as sink:
        sink.write(b"12345678")
    with files.reader(Location("a", 0, 8)) as source:
        assert type(source).__name__ == "MemoryMappedFile"


def test_what_another_key_sealed_is_not_given_out(tmp_path: Path) -> None:
    """Local files know no keys: an object that names one is an error to write and to read, never bytes as they lie."""
    files = LocalFiles(tmp_path)
    with files.create("a") as sink:
        sink.write(b"12345678")
    with pytest.raises(LookupError):
        files.reader(Location("a", 0, 8, "other"))
    with pytest.raises(LookupError):
        list(files.chunks("a", key_ref="other"))
    with pytest.raises(LookupError), files.create("b", "other") as sink:
        sink.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_scratch_is_written_over(tmp_path: Path) -> None:
    """What need not last may be made again under its name, also shorter; the file stays the same one."""
    files = LocalFiles(tmp_path)
    for data in (b"long " * 99, b"short", b"", b"longer again"):
        with files.create("part", durable=False) as sink:
            sink.write(data)
        assert (tmp_path / "part").read_bytes() == data
        (tmp_path / "same").unlink(missing_ok=True)
        os.link(tmp_path / "part", tmp_path / "same")
    assert (tmp_path / "part").stat().st_nlink == 2
