"""The sink of copies to S3: each file under a name that never changes, and the manifest last.

An attempt that comes again finds by their marks what is there already, and writes the same bytes under the same keys.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import select

from tailrace.db.tables import export_files, exports, owned
from tailrace.delivery.courier import Errand
from tailrace.delivery.ends import GivenUp
from tailrace.delivery.packing import gzipped
from tailrace.delivery.places import bucket_of
from tailrace.files.s3.buckets import Bucket, Refused
from tailrace.model.delivery import Copied, S3Copy
from tailrace.model.points import point

_GZIP = "application/gzip"
_PACKED = frozenset(("parquet",))  # formats that are packed inside


class _File(Struct, frozen=True):
    """A file of the export: its row, its entry in the manifest, and its name in the bucket."""

    row: Any
    entry: dict[str, Any]
    packed: bool

    @property
    def name(self) -> str:
        return f"{self.row.name}.gz" if self.packed else str(self.row.name)


@dataclass
class _Measured:
    """Bytes on their way, counted and hashed."""

    length: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.length += len(chunk)
            self._hash.update(chunk)
            yield chunk

    def entry(self, file: _File) -> dict[str, Any]:
        """What the manifest in the bucket says of a file that was packed on its way there."""
        told = {"name": file.name, "bytes": self.length, "sha256": self._hash.hexdigest(), "packing": "gzip"}
        return file.entry | told


def copy_files(errand: Errand) -> tuple[Copied, ...]:
    """Copy all files of the export, then its manifest.

    Raises:
        GivenUp: the files are gone, or the bucket refuses.
        Unavailable: storage or bucket are away.
    """
    asked = errand.asked
    if not isinstance(asked, S3Copy):
        raise GivenUp("it is no copy to S3")
    if errand.row.ended != "succeeded":
        raise GivenUp("the files of the export have had their time")
    settings = errand.courier.settings
    bucket = bucket_of(asked, settings.delivery, settings.s3.retries, errand.courier.guard)
    try:
        return _Copying(errand, asked, bucket).run()
    except Refused as refused:
        why = f"the bucket refuses: {refused}"
    except FileNotFoundError:
        why = "the files of the export are gone, or the bucket is"
    raise GivenUp(why)


class _Copying:
    """One attempt at it."""

    def __init__(self, errand: Errand, asked: S3Copy, bucket: Bucket) -> None:
        self._errand = errand
        self._asked = asked
        self._bucket = bucket
        self._again = errand.job.attempt > 1
        folder = f"{errand.row.export}/" if asked.by_export else ""
        self._prefix = asked.prefix + folder

    def run(self) -> tuple[Copied, ...]:
        manifest, rows = self._found()
        files = [self._file(entry, rows) for entry in manifest["files"]]
        entries = [self._copy(file) for file in files]
        copied = [Copied(file.row.name, self._prefix + file.name) for file in files]
        if self._asked.manifest:
            schema = self._file(manifest["schema"], rows, packed=False)
            self._copy(schema)
            self._put_manifest(manifest | {"files": entries, "bytes": sum(entry["bytes"] for entry in entries)})
        return tuple(copied)

    def _found(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The manifest, and the rows of the files by name."""
        errand = self._errand
        with errand.courier.database.read() as connection:
            mine = (owned(exports, errand.scope), exports.c.id == errand.row.export)
            text = connection.scalar(select(exports.c.manifest).where(*mine))
            files = select(export_files).where(
                owned(export_files, errand.scope), export_files.c.export == errand.row.export
            )
            return msgspec.json.decode(text or "{}"), {row.name: row for row in connection.execute(files)}

    def _file(self, entry: dict[str, Any], rows: dict[str, Any], *, packed: bool | None = None) -> _File:
        if entry["name"] not in rows:
            raise GivenUp("the files of the export have had their time")
        wanted = self._asked.compress and entry.get("packing") == "none" and entry.get("format") not in _PACKED
        return _File(rows[entry["name"]], entry, wanted if packed is None else packed)

    def _copy(self, file: _File) -> dict[str, Any]:
        """Copy a file unless it is there; its entry in the bucket's manifest, where a packed one has other bytes."""
        key, mark = self._prefix + file.name, file.row.sha256
        unknown = file.packed and self._asked.manifest
        if self._again:
            self._bucket.abort_left(key)
            if not unknown and self._bucket.mark_of(key) == mark:
                return file.entry
        measured = _Measured()
        with self._bucket.create(key, _GZIP if file.packed else file.row.media_type, mark) as sink:
            for chunk in measured.through(gzipped(self._chunks(file)) if file.packed else self._chunks(file)):
                sink.write(chunk)
        point("delivery.file_copied")
        return measured.entry(file) if file.packed else file.entry

    def _chunks(self, file: _File) -> Iterator[bytes]:
        for chunk in self._errand.courier.files.chunks(file.row.object, key_ref=file.row.key_ref):
            self._errand.go_on()
            yield chunk

    def _put_manifest(self, manifest: dict[str, Any]) -> None:
        data = msgspec.json.encode(manifest)
        mark = hashlib.sha256(data).hexdigest()
        with self._bucket.create(self._prefix + self._asked.manifest, "application/json", mark) as sink:
            sink.write(data)
