"""Taking real files apart and putting other rows into them, with nothing but public libraries."""

import gzip
import io
import zipfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from xxhash import xxh3_128_intdigest

from tests.unit.exports.downloads import Download

ENDS = {"json": b"\n", "array": b",\n", "csv": b"\r\n", "xml": b"\n"}
Change = Callable[[list[bytes]], Sequence[bytes]]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive by the standard library."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def unzipped(data: bytes) -> dict[str, bytes]:
    """The members of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


PACK: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
}
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def rows_of(text: bytes, form: str) -> tuple[bytes, list[bytes], bytes]:
    """Head, rows and tail of a text in which no row holds what ends it."""
    heads = {"json": 0, "array": 1, "csv": 1, "xml": 2}
    *lines, last = text.split(ENDS[form]) if form != "array" else text[2:-3].split(b",\n")
    if form == "array":
        return b"[\n", [*lines, last], b"\n]\n"
    head = b"".join(line + ENDS[form] for line in lines[: heads[form]])
    body, tail = (lines[:-1], lines[-1] + b"\n") if form == "xml" else (lines, b"")
    return head, body[heads[form] :], tail


def text_of(head: bytes, rows: Sequence[bytes], tail: bytes, form: str) -> bytes:
    """The text again."""
    joined = b",\n".join(rows) if form == "array" else b"".join(row + ENDS[form] for row in rows)
    return head + joined + tail


def content_sha256(rows: Sequence[bytes]) -> str:
    """The documented digest of rows, written down once more."""
    total = sum(map(xxh3_128_intdigest, rows)) % 2**128
    return sha256(f"tailrace-rows-1 {len(rows)} {total:032x}".encode()).hexdigest()


def replace_text(made: Download, change: Callable[[bytes], bytes], **claims: object) -> None:
    """Put another text into the first file, or into the first member of it."""
    packing, data = made.entry["packing"], made.file.read_bytes()
    if packing == "zip":
        members = unzipped(data)
        name = made.entry["members"][0]["name"]
        members[name] = change(members[name])
        made.entry["members"][0].update({"bytes": len(members[name])} | claims)
        made.write(zipped(members), **claims)
    else:
        made.write(PACK[packing](change(UNPACK[packing](data))), **claims)


def replace_rows(made: Download, form: str, change: Change, *, forged: bool = False) -> None:
    """Put other rows into the first file; `forged`: its count and digest tell of them too."""
    claims: dict[str, Any] = {}

    def changed(text: bytes) -> bytes:
        head, rows, tail = rows_of(text, form)
        other = change(rows)
        if forged:
            claims.update({"rows": len(other), "content_sha256": content_sha256(other)})
            made.manifest["rows"] += len(other) - len(rows)
        return text_of(head, other, tail, form)

    replace_text(made, changed)
    if forged:
        for entry in (made.entry, *(made.entry["members"] or ())[:1]):
            entry.update(claims)
        made.save()


def replace_table(made: Download, change: Callable[[pa.Table], pa.Table], **claims: object) -> None:
    """The same for Parquet."""
    packing, data = made.entry["packing"], made.file.read_bytes()
    members = unzipped(data) if packing == "zip" else {"": data}
    name = next(iter(members))
    sink = pa.BufferOutputStream()
    pq.write_table(change(pq.read_table(pa.BufferReader(members[name]))), sink, compression="zstd")
    members[name] = sink.getvalue().to_pybytes()
    if packing == "zip":
        made.entry["members"][0].update({"bytes": len(members[name])} | claims)
    made.write(zipped(members, zipfile.ZIP_STORED) if packing == "zip" else members[name], **claims)
