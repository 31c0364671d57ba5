"""Zip archives of members that are packed already, streamed; names in UTF-8, Zip64 where sizes need it.

The standard library writes every header and the directory; only the members' bytes come from elsewhere.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Literal, Self
from zipfile import ZIP64_LIMIT, ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

_TIMELESS = (1980, 1, 1, 0, 0, 0)  # nothing of the moment
_MODE = 0o100644


class ZipWriter:
    """An archive written to a sink from front to end."""

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self._zip = ZipFile(sink, "w", allowZip64=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if kind is None:
            self._zip.close()
        self._zip.fp = None  # else the library would end an archive that failed, once it is collected
        return False

    def add(self, name: str, chunks: Iterable[bytes], *, crc: int, packed: int, raw: int, deflated: bool) -> None:
        """Add a member whose sizes and checksum are known: `packed` bytes as they are stored, `raw` without packing."""
        info = ZipInfo(name, _TIMELESS)
        info.compress_type = ZIP_DEFLATED if deflated else ZIP_STORED
        info.external_attr = _MODE << 16
        info.create_system = 3
        info.CRC, info.compress_size, info.file_size = crc, packed, raw
        info.header_offset = self._sink.tell()
        self._sink.write(info.FileHeader(zip64=max(packed, raw) > ZIP64_LIMIT))
        written = sum(self._sink.write(chunk) for chunk in chunks)
        if written != packed:
            raise ValueError(f"{name}: {written} bytes were written where {packed} were announced")
        self._zip.filelist.append(info)
        self._zip.NameToInfo[name] = info
        self._zip.start_dir = self._sink.tell()
