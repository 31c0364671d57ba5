"""Opening: what a file is, by its name and its first bytes, and its bytes without their packing."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, cast, get_args

import pyarrow as pa
from msgspec import Struct

from tailrace.model.errors import Invalid, Malformed

Format = Literal["ndjson", "csv", "tsv", "parquet"]
Packing = Literal["none", "gzip", "zstd"]
FORMATS: tuple[Format, ...] = get_args(Format)

_SUFFIXES: dict[str, Format] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PACKED = (".gz", ".gzip", ".zst", ".zstd")
_PARQUET = b"PAR1"
_COPY = 1 << 20  # bytes


class Opened(Struct, frozen=True):
    """A file without its packing. `stream` reads forward; `size` is in bytes as the file lies there."""

    path: Path
    format: Format
    packing: Packing
    stream: pa.NativeFile
    size: int
    _file: pa.NativeFile

    def done(self) -> int:
        """How many of the file's bytes have been read."""
        return int(self._file.tell())

    @contextmanager
    def seekable(self) -> Iterator[pa.NativeFile]:
        """The bytes with random access; packed ones are unpacked into a temporary file."""
        if self.packing == "none":
            yield self.stream
            return
        with tempfile.NamedTemporaryFile(prefix="tailrace-import-") as copy:
            _unpack(self.stream, copy)
            with pa.OSFile(copy.name) as file:
                yield file


@contextmanager
def opened(path: Path, wanted: Format | None) -> Iterator[Opened]:
    """Open a file; a format that is wanted (by a map) goes before the name's.

    The first bytes decide about packing, so a file that was unpacked on its way but kept its name is read all the same.

    Raises:
        FileNotFoundError: there is no such file.
        Invalid: nobody said what format it is, or its first bytes contradict.
        Malformed: its packing is damaged.
    """
    with pa.OSFile(str(path)) as file:
        packing = _packing(file)
        with damage_named(path):
            found = _format(path, wanted, _head(path, packing))
        stream = file if packing == "none" else pa.CompressedInputStream(file, packing)
        yield Opened(path, found, packing, stream, file.size(), file)


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Say which file is damaged: a packing that ends too early or fails its check is an OSError until here."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Malformed(f"{path.name}: {error}") from error


def _packing(file: pa.NativeFile) -> Packing:
    magic = file.read(4)
    file.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return "gzip"
    skippable = magic[:1] and magic[0] & 0xF0 == 0x50 and magic[1:] == b"\x2a\x4d\x18"
    return "zstd" if skippable or magic == b"\x28\xb5\x2f\xfd" else "none"


def _head(path: Path, packing: Packing) -> bytes:
    """Read apart from the rows: a stream that unpacks closes the file below it when it goes."""
    with pa.OSFile(str(path)) as file:
        stream = file if packing == "none" else pa.CompressedInputStream(file, packing)
        return cast(bytes, stream.read(4))


def _format(path: Path, wanted: Format | None, head: bytes) -> Format:
    said = wanted or _by_name(path)
    if head == _PARQUET and said in (None, "parquet"):
        return "parquet"
    if said is None and head[:1] == b"{":
        return "ndjson"
    if said is None:
        raise Invalid("file.format", f"{path.name} does not say its format: name it in a map ({', '.join(FORMATS)})")
    if (said == "parquet") != (head == _PARQUET):
        raise Invalid("file.format", f"{path.name} is {'' if head == _PARQUET else 'not '}Parquet by its first bytes")
    return said


def _by_name(path: Path) -> Format | None:
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return _SUFFIXES.get(Path(name).suffix)


def _unpack(stream: pa.NativeFile, copy: IO[bytes]) -> None:
    while chunk := stream.read(_COPY):
        copy.write(chunk)
    copy.flush()
