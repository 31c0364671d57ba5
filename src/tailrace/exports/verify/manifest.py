"""Manifests on disk: where they are, and how they are read."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from tailrace.exports.verify.report import Finding

VERSION = 1
_AGAIN = "download the manifest again"

Instant = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0)]


class Totals(Struct, frozen=True):
    """Cumulative counts of an app at a commit."""

    events: Count
    fragments: Count


class WindowText(Struct, frozen=True):
    """The window, its bounds as the manifest writes them."""

    axis: str
    start: Instant | None = msgspec.field(name="from", default=None)
    end: Instant | None = msgspec.field(name="to", default=None)

    def __str__(self) -> str:
        return f"{self.axis} [{instant(self.start)}, {instant(self.end)})"


class RowsEntry(Struct, frozen=True, kw_only=True):
    """What the manifest says of rows that stand together: those of a file, or of a member of an archive."""

    name: str
    rows: Count
    bytes: Count
    content_sha256: str
    key: str | None = None
    of: Literal["rows", "users"] = "rows"
    min_time: Instant | None = None
    max_time: Instant | None = None


class FileEntry(RowsEntry, frozen=True, kw_only=True):
    """What the manifest says of one file."""

    sha256: str
    format: str
    packing: str
    members: list[RowsEntry] | None = None

    @property
    def counted(self) -> int:
        """Rows without those of users tables."""
        return sum(entry.rows for entry in self.members or [self] if entry.of == "rows")


class SchemaEntry(Struct, frozen=True):
    """What the manifest says of the schema beside the files."""

    name: str
    bytes: Count
    sha256: str


class Manifest(Struct, frozen=True):
    """The keys that are checked; others may be there and are not looked at."""

    version: int
    export: str
    app: str
    request: dict[str, Any]
    epoch: str
    snapshot_seq: int
    complete_through: str
    window: WindowText
    shape: str
    columns: list[Any] | None
    filtered: bool
    rows: Count
    bytes: Count
    files: list[FileEntry]
    cursor: str | None = None
    previous_cursor: str | None = None
    totals_before: Totals | None = None
    totals_after: Totals | None = None
    schema: SchemaEntry | None = None

    @property
    def is_increment(self) -> bool:
        """Whether it is a link of a chain: only availability has chains."""
        return self.window.axis == "available"

    def asked(self, option: str) -> bool:
        """Whether the request had an option that is on or off."""
        return self.request.get(option) is True

    @property
    def column_names(self) -> frozenset[str]:
        """Columns by name, whether the manifest lists names or descriptions with a name."""
        return frozenset(c["name"] if isinstance(c, dict) and "name" in c else str(c) for c in self.columns or ())


class _Version(Struct):
    version: int


class Loaded(Struct, frozen=True):
    """A manifest and where it was; its files lie beside it."""

    path: Path
    manifest: Manifest


def instant(value: datetime | None) -> str:
    """An instant as text, an open bound as two dots."""
    return ".." if value is None else value.isoformat().replace("+00:00", "Z")


def is_plain(name: str) -> bool:
    """Whether a name can only mean a file beside the manifest."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")


def load_all(dirs: Sequence[Path]) -> Iterator[Loaded | Finding]:
    """Every manifest in the directories once, however often a directory is named."""
    seen: set[Path] = set()
    for directory in dirs:
        paths = _manifests_of(directory)
        yield from (paths,) if isinstance(paths, Finding) else (_load(path) for path in paths if path not in seen)
        seen.update(() if isinstance(paths, Finding) else paths)


def _manifests_of(directory: Path) -> list[Path] | Finding:
    """Those of the directory itself, else those of its subdirectories."""
    try:
        root = directory.resolve(strict=True)
        found = _own(root) or [path for sub in sorted(root.iterdir()) if sub.is_dir() for path in _own(sub)]
    except OSError as error:
        return Finding(
            "directory", str(directory), "a directory of downloads", _why(error), "check the path and its permissions"
        )
    if found:
        return found
    return Finding(
        "directory",
        str(directory),
        "manifest.json or *.manifest.json, there or one level below",
        "none",
        "download the manifest of each export into the directory of its files",
    )


def _own(directory: Path) -> list[Path]:
    return [path for path in sorted(directory.iterdir()) if _is_manifest(path.name) and path.is_file()]


def _is_manifest(name: str) -> bool:
    return name == "manifest.json" or name.endswith(".manifest.json")


def _load(path: Path) -> Loaded | Finding:
    try:
        data = path.read_bytes()
        version = msgspec.json.decode(data, type=_Version).version
        if version != VERSION:
            advice = "verify it with the release that wrote it, or a newer one"
            return Finding("manifest", str(path), f"version {VERSION}", f"version {version}", advice)
        return Loaded(path, msgspec.json.decode(data, type=Manifest))
    except OSError as error:
        return Finding("manifest", str(path), "a readable file", _why(error), "check its permissions")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Finding("manifest", str(path), "a manifest as the server wrote it", str(error), _AGAIN)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
