"""Durable files: the same bytes whatever the sizes of writes, and no file that could not be written whole."""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.files import writing
from tailrace.files.writing import DurableFile

BLOCK = 4096


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Buffers of two blocks, so that a few kilobytes cross every border."""
    monkeypatch.setattr(writing, "BUFFER", 2 * BLOCK)
    return 2 * BLOCK


def pattern(size: int) -> bytes:
    """Bytes of which each stretch is different."""
    return (b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1)))[:size]


def cuts(data: bytes, size: int) -> Iterator[bytes]:
    """Data in pieces of a size."""
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("piece", [1, 7, BLOCK, 2 * BLOCK, 5 * BLOCK + 3])
@pytest.mark.parametrize("size", [0, 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1, 6 * BLOCK, 9 * BLOCK + 11])
@pytest.mark.usefixtures("small")
def test_bytes_come_out_as_they_went_in(tmp_path: Path, size: int, piece: int) -> None:
    """Whatever the size of the file and of the writes, around the borders of blocks and buffers."""
    data = pattern(size)
    with DurableFile(tmp_path / "file") as file:
        for part in cuts(data, piece):
            assert file.write(memoryview(part)) == len(part)
        assert file.tell() == size
    assert file.closed
    assert (tmp_path / "file").read_bytes() == data


def test_large_files_pass_the_page_cache_by(tmp_path: Path) -> None:
    """From the first buffer on, where the file system can; the end of the file is written without."""
    with DurableFile(tmp_path / "file") as file:
        file.write(b"x" * BLOCK)
        assert not file._buffers
        file.write(b"y" * writing.BUFFER)
        flags = fcntl.fcntl(file._descriptor, fcntl.F_GETFL)
    assert flags & os.O_DIRECT or not direct_is_known(tmp_path)
    assert (tmp_path / "file").stat().st_size == BLOCK + writing.BUFFER


def direct_is_known(directory: Path) -> bool:
    """Whether the file system of the tests takes the flag."""
    try:
        os.close(os.open(directory / "probe", os.O_WRONLY | os.O_CREAT | os.O_DIRECT))
    except OSError:
        return False
    return True


def test_a_file_system_that_refuses_direct_writes_gets_others(
    tmp_path: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some take the flag and refuse the bytes: the file is whole all the same."""
    write = os.write

    def refuse(descriptor: int, data: memoryview) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(errno.EINVAL, "invalid argument")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", refuse)
    data = pattern(5 * small + 1)
    with DurableFile(tmp_path / "file") as file:
        file.write(data)
    assert (tmp_path / "file").read_bytes() == data


def test_a_full_disk_is_told(tmp_path: Path, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the thread that writes reaches the one who wrote, at the latest at the end."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="no space"), DurableFile(tmp_path / "file") as file:
        file.write(pattern(small))
    assert file.closed


def test_an_error_inside_closes_the_file(tmp_path: Path, small: int) -> None:
    """Nothing stays open, and nothing is synced that nobody wants."""
    file = DurableFile(tmp_path / "file")
    file.write(pattern(3 * small))
    file.__exit__(RuntimeError, None, None)
    assert file.closed


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Names are unique; one that is taken is an error."""
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        DurableFile(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"kept"
