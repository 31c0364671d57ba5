"""Names of files: unique, and safe on every file system, whatever an event is called."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from uuid import uuid4

from tailrace.exports.records import Export

LONGEST = 150  # bytes of UTF-8, so that what is put around it fits into the 255 of common file systems
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE | re.DOTALL)


def stem_of(export: Export) -> str:
    """How the names of an export's files begin; some dialects have one in them that nobody can guess."""
    if export.request.nest is not None:
        return export.request.nest.stem.format(app=export.scope.app, unique=uuid4())
    return f"{export.request.app}-{export.id}-{export.request.shape}"


def safe_names(labels: Mapping[str, str]) -> dict[str, str]:
    """A safe name for each key, made of its label: the first gets the plain name, later ones that clash a number."""
    taken: set[str] = set()
    names: dict[str, str] = {}
    for key, label in labels.items():
        plain = safe_name(label)
        names[key] = next(name for name in _numbered(plain) if name.casefold() not in taken)
        taken.add(names[key].casefold())
    return names


def safe_name(key: str) -> str:
    """A key without signs that file systems, shells or archives make something of."""
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", key)).strip(" .")
    name = name.encode()[:LONGEST].decode(errors="ignore").strip(" .") or "_"
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def _numbered(name: str) -> Iterable[str]:
    yield name
    count = 2
    while True:
        yield f"{name}-{count}"
        count += 1
