"""Zip archives: where their members lie, and what they hold.

The standard library reads the directory. All else is looked at here: members follow each other without a gap, nothing
stands before, between or behind them, and checksums are those of the whole member.
"""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo
from zlib import crc32

from msgspec import Struct

from tailrace.exports.verify.streams import Damaged, Pieces, chunks, inflate

_LOCAL = struct.Struct("<4s22xHH")  # signature, lengths of name and extra field
_END = struct.Struct("<4s16xH")  # signature, length of a comment
_ENCRYPTED = 1


class Located(Struct, frozen=True):
    """A member of an archive: where its packed bytes lie, and what the directory says of its content."""

    path: Path
    name: str
    start: int
    packed: int
    raw: int
    crc: int
    deflated: bool

    def pieces(self) -> Pieces:
        """Its content, unpacked.

        Raises:
            Damaged: it is not what the directory says.
        """
        packed = chunks(self.path, self.start, self.packed)
        return _checked(inflate(packed) if self.deflated else packed, self)


def _checked(pieces: Iterable[bytes], member: Located) -> Pieces:
    crc = size = 0
    for piece in pieces:
        crc, size = crc32(piece, crc), size + len(piece)
        if size > member.raw:
            break
        yield piece
    if (crc, size) != (member.crc, member.raw):
        raise Damaged("zip", f"{member.name!r} is not what the archive's directory says: its checksum or size differs")


def members_of(path: Path) -> list[Located]:
    """The members of an archive in their order.

    Raises:
        Damaged: it is no whole archive, or holds more than its members.
    """
    try:
        with path.open("rb") as file, ZipFile(file) as archive:
            _check_end(file)
            return _located(path, file, archive.infolist(), archive.start_dir)
    except (BadZipFile, LargeZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise Damaged("zip", str(error)) from None


def _check_end(file: BinaryIO) -> None:
    file.seek(-_END.size, 2)
    signature, comment = _END.unpack(file.read(_END.size))
    if signature != b"PK\x05\x06" or comment:
        raise Damaged("zip", "more bytes after the end of its directory")


def _located(path: Path, file: BinaryIO, found: Sequence[ZipInfo], end: int) -> list[Located]:
    members = []
    at = 0
    for info in sorted(found, key=lambda info: info.header_offset):
        if info.header_offset != at:
            raise Damaged("zip", f"bytes that belong to no member before {info.filename!r}")
        start = at + _header_size(file, info)
        at = start + info.compress_size
        members.append(_member(path, info, start))
    if at != end:
        raise Damaged("zip", "bytes that belong to no member before its directory")
    return members


def _header_size(file: BinaryIO, info: ZipInfo) -> int:
    """Of the header before a member, which must name it as the directory does."""
    file.seek(info.header_offset)
    signature, name, extra = _LOCAL.unpack(file.read(_LOCAL.size))
    if signature != b"PK\x03\x04" or file.read(name) not in (info.filename.encode(), info.orig_filename.encode()):
        raise Damaged("zip", f"no header of {info.filename!r} where its directory says")
    return int(_LOCAL.size + name + extra)


def _member(path: Path, info: ZipInfo, start: int) -> Located:
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or info.flag_bits & _ENCRYPTED:
        raise Damaged("zip", f"{info.filename!r} is packed as no export is")
    deflated = info.compress_type == ZIP_DEFLATED
    return Located(path, info.filename, start, info.compress_size, info.file_size, info.CRC, deflated)
