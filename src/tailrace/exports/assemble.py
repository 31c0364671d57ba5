"""Assemble: parts become files, by streamed concatenation, hashed on the way."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from tailrace.files.base import Files
from tailrace.formats import gzip
from tailrace.formats.digest import content_sha256
from tailrace.model.export import ExportFile, ExportRequest, Part


def assemble(files: Files, request: ExportRequest, name: str, key: str, parts: Sequence[Part]) -> ExportFile:
    """Join the parts of one file, in order, into a durable object."""
    crc = length = 0
    for part in parts:
        crc = gzip.combine_crc(crc, part.crc, part.raw_bytes)
        length += part.raw_bytes
    digest, size = sha256(), 0
    with files.create(key) as sink:
        for chunk in gzip.wrap(_chunks(files, parts), crc, length):
            sink.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    rows = sum(part.rows for part in parts)
    return ExportFile(
        name=name,
        object=key,
        rows=rows,
        bytes=size,
        sha256=digest.hexdigest(),
        content_sha256=content_sha256(rows, sum(part.digest for part in parts)),
        format=request.format,
        packing=request.packing,
        min_time=min((p.min_time for p in parts if p.min_time is not None), default=None),
        max_time=max((p.max_time for p in parts if p.max_time is not None), default=None),
    )


def _chunks(files: Files, parts: Sequence[Part]) -> Iterator[bytes]:
    for part in parts:
        yield from files.chunks(part.object)
