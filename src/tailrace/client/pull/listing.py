"""What a manifest lists. Names come from outside: each must mean a file in the directory, and nothing else."""

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from tailrace.model.errors import Invalid

MANIFEST = "manifest.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OUTSIDE = re.compile(r"[\x00-\x1f\x7f/\\\ud800-\udfff]|^$")
_LONGEST = 240  # bytes of a name; file systems take 255


class Item(Struct, frozen=True):
    """One file to download; `url` is "" where the manifest has no links."""

    name: str
    bytes: int
    sha256: str
    url: str


class Listing(Struct, frozen=True):
    """A manifest: the export's id, its files with the schema, and the whole document."""

    export: str
    items: tuple[Item, ...]
    document: dict[str, Any]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(item.bytes for item in self.items)

    def saved(self) -> bytes:
        """The manifest to keep beside the files: its links without the queries that open them."""
        document = self.document | {"files": [_unsigned(file) for file in self.document["files"]]}
        if isinstance(schema := document.get("schema"), dict):
            document["schema"] = _unsigned(schema)
        return msgspec.json.format(msgspec.json.encode(document), indent=2)

    def same_files(self, other: "Listing") -> bool:
        """Whether both list the same bytes under the same names."""
        return self.export == other.export and _content(self) == _content(other)


def read_listing(text: bytes) -> Listing:
    """A manifest as it was sent, or as it lies on disk.

    Raises:
        Invalid: it is none, or a name in it leads out of the directory.
    """
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("manifest", f"is not JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("files"), list):
        raise Invalid("manifest", "is not that of an export: it has no files")
    if not isinstance(document.get("export"), str):
        raise Invalid("manifest", "is not that of an export: it has no id")
    schema = document.get("schema")
    items = tuple(map(_item, [*document["files"], *([] if schema is None else [schema])]))
    names = [item.name for item in items]
    if twice := {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else None:
        raise Invalid("manifest", f"lists a file twice: {min(twice)!r}")
    return Listing(document["export"], items, document)


def check_name(name: object) -> str:
    """A name that can only mean a new file in the directory.

    Raises:
        Invalid: it can mean something else.
    """
    if not isinstance(name, str) or _OUTSIDE.search(name) or name.startswith("."):
        raise Invalid("manifest", f"names a file that could lie outside the directory: {name!r}; nothing was written")
    if name == MANIFEST or name.endswith(f".{MANIFEST}") or len(name.encode()) > _LONGEST:
        raise Invalid("manifest", f"gives a file a name that it cannot have: {name!r}; nothing was written")
    return name


def _item(entry: object) -> Item:
    if not isinstance(entry, dict):
        raise Invalid("manifest", "lists something that is no file")
    name, size, digest, url = check_name(entry.get("name")), entry.get("bytes"), entry.get("sha256"), entry.get("url")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Invalid("manifest", f"does not say how large {name} is")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise Invalid("manifest", f"does not say the SHA-256 of {name}")
    return Item(name, size, digest, url if isinstance(url, str) else "")


def _unsigned(entry: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(url := entry.get("url"), str):
        return entry
    return entry | {"url": urlunsplit(urlsplit(url)._replace(query="", fragment=""))}


def _content(listing: Listing) -> set[tuple[str, int, str]]:
    return {(item.name, item.bytes, item.sha256) for item in listing.items}
