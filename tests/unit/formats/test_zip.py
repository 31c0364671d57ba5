"""Archives of members that are packed already, read with the standard library and with `unzip`."""

import gc
import io
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from tailrace.formats import gzip
from tailrace.formats import zip as archives
from tailrace.formats.bodies import DeflateBody
from tailrace.formats.zip import ZipWriter

NAMES = ["a.csv", "ünï😀.csv", "a b'c.csv", "\u05d0\u05d1.csv", "n" * 150 + ".csv"]


class Sink(io.RawIOBase):
    """A sink that cannot seek, like that of an export."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Append bytes."""
        self.data += data
        return len(data)

    def tell(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def seek(self, *_: int) -> int:
        """Never."""
        raise io.UnsupportedOperation


class Count(Sink):
    """A sink that forgets what it was given between the first and the last bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Keep the beginning and what comes in small writes."""
        if len(data) < 1 << 20:
            self.data += data
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        """How many bytes there were."""
        return self.size


def add(archive: ZipWriter, name: str, data: bytes, *, deflated: bool = True) -> None:
    """Add a member that is one piece."""
    if not deflated:
        archive.add(name, [data], crc=zlib.crc32(data), packed=len(data), raw=len(data), deflated=False)
        return
    made = bytearray()
    body = DeflateBody(made.extend)
    body.text(data)
    body.close()
    archive.add(name, [bytes(made)], crc=body.crc, packed=len(made), raw=body.raw, deflated=True)


def archive_of(names: list[str], *, deflated: bool = True) -> bytes:
    """An archive whose members hold their own names many times."""
    sink = Sink()
    with ZipWriter(sink) as archive:
        for name in names:
            add(archive, name, name.encode() * 99, deflated=deflated)
    return bytes(sink.data)


@pytest.mark.parametrize("deflated", [True, False])
def test_the_standard_library_reads_every_member(deflated: bool) -> None:
    """Names, contents, sizes and checksums are right, packed and stored, and names are marked as UTF-8."""
    with zipfile.ZipFile(io.BytesIO(archive_of(NAMES, deflated=deflated))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == NAMES
        assert [archive.read(name) for name in NAMES] == [name.encode() * 99 for name in NAMES]
        marked = {info.filename for info in archive.infolist() if info.flag_bits & 0x800}
        assert marked == {name for name in NAMES if not name.isascii()}


def test_unzip_reads_it(tmp_path: Path) -> None:
    """The command that people have at hand finds every member whole."""
    if not shutil.which("unzip"):
        pytest.skip("unzip is not installed")
    path = tmp_path / "a.zip"
    path.write_bytes(archive_of(NAMES))
    done = subprocess.run(["unzip", "-t", path], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_equal_members_give_equal_bytes() -> None:
    """There is no time in it."""
    assert archive_of(NAMES) == archive_of(NAMES)


def test_an_archive_of_nothing_is_an_archive() -> None:
    """Zero members make a legal file."""
    with zipfile.ZipFile(io.BytesIO(archive_of([]))) as archive:
        assert archive.namelist() == []


def test_more_members_than_16_bits_can_count() -> None:
    """A directory of 70 000 members is read back whole."""
    sink = Sink()
    with ZipWriter(sink) as archive:
        for n in range(70_000):
            archive.add(f"{n}", [b""], crc=0, packed=0, raw=0, deflated=False)
    with zipfile.ZipFile(io.BytesIO(bytes(sink.data))) as made:
        assert len(made.infolist()) == 70_000


@pytest.mark.parametrize("deflated", [True, False])
def test_sizes_beyond_32_bits_are_zip64(monkeypatch: pytest.MonkeyPatch, deflated: bool) -> None:
    """With a tiny limit every size and place is written in 64 bits, and the archive still reads."""
    monkeypatch.setattr(archives, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    data = archive_of(NAMES, deflated=deflated)
    monkeypatch.undo()
    assert data[4:6] == b"\x2d\x00"  # the first member needs version 4.5 of the format
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in NAMES] == [name.encode() * 99 for name in NAMES]


def test_a_member_of_five_gigabytes_and_one_behind_it() -> None:
    """Real sizes beyond 32 bits: both members are in the directory with their sizes and places."""
    chunk = memoryview(bytes(1 << 26))
    size = 80 * len(chunk)
    sink = Count()
    with ZipWriter(sink) as archive:
        archive.add("large", repeat(bytes(chunk), 80), crc=7, packed=size, raw=size, deflated=False)
        add(archive, "small", b"x")
    with zipfile.ZipFile(_Sparse(sink, size)) as made:
        large, small = made.infolist()
        assert (large.file_size, large.compress_size, large.CRC) == (size, size, 7)
        assert small.header_offset > size
        assert made.read("small") == b"x"


class _Sparse(io.RawIOBase):
    """What `Count` kept, with zeros where the large member was."""

    def __init__(self, sink: Count, hole: int) -> None:
        self._data, self._hole, self._size, self._place = bytes(sink.data), hole, sink.size, 0
        self._start = self._data.index(b"large") + len("large") + 20

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = {0: 0, 1: self._place, 2: self._size}[whence] + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        assert not self._start < self._place < self._start + self._hole
        behind = self._place >= self._start + self._hole
        place = self._place - self._hole if behind else self._place
        found = self._data[place:] if size < 0 else self._data[place : place + size]
        self._place += len(found)
        return found


def test_a_member_of_another_size_than_announced_is_an_error() -> None:
    """Headers come first, so they must be right; and no directory is written behind the failure."""
    sink = Sink()

    def short() -> Iterator[bytes]:
        yield b"abc"

    def broken() -> None:
        with ZipWriter(sink) as archive:
            archive.add("a", short(), crc=0, packed=4, raw=4, deflated=False)

    with pytest.raises(ValueError, match="3 bytes were written where 4 were announced"):
        broken()
    written = len(sink.data)
    gc.collect()
    assert len(sink.data) == written
    assert b"PK\x05\x06" not in sink.data


def test_a_stitched_member_reads_as_one() -> None:
    """Many pieces make one deflate stream with one checksum."""
    sink, made = Sink(), bytearray()
    body = DeflateBody(made.extend)
    for n in range(50):
        piece = gzip.pack(b"%d," % n * n)
        body.piece(piece.packed, piece.length, piece.crc)
    body.close()
    with ZipWriter(sink) as archive:
        archive.add("m", [bytes(made)], crc=body.crc, packed=len(made), raw=body.raw, deflated=True)
    with zipfile.ZipFile(io.BytesIO(bytes(sink.data))) as whole:
        assert whole.testzip() is None
        assert whole.read("m") == b"".join(b"%d," % n * n for n in range(50))
