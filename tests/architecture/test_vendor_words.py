"""Vendor words stand in the vendors' own rooms only: the core knows policies and shapes."""

import re
from collections.abc import Iterator
from pathlib import Path

VENDORS = ("flurry", "leanplum", "devtodev", "fullstory")
VENDOR = re.compile("|".join(VENDORS), re.IGNORECASE)


def is_vendor_room(path: Path) -> bool:
    """A vendor's own surface (file or folder), the table of these, or any ingest protocol; the path is relative to the
    package.
    """
    match path.parts:
        case ("surfaces", "table.py"):
            return True
        case ("surfaces", name, *_):
            return name.startswith(VENDORS)
        case ("ingest", "protocols", *_):
            return True
    return False


def vendor_words(src: Path) -> Iterator[str]:
    """Each misplaced vendor word, as path:line; line 0 is the file's own name."""
    for file in sorted(src.rglob("*")):
        path = file.relative_to(src)
        if not file.is_file() or file.suffix == ".pyc" or is_vendor_room(path):
            continue
        lines = [str(path), *file.read_text("utf-8", "replace").splitlines()]
        yield from (f"{path}:{number}" for number, line in enumerate(lines) if VENDOR.search(line))


def test_no_vendor_word_outside_its_room(src: Path) -> None:
    """No source file outside the vendors' surfaces and the ingest protocols names a vendor."""
    assert list(vendor_words(src)) == []


def test_a_misplaced_vendor_word_is_found(tmp_path: Path) -> None:
    """The search can fail: it sees code, templates, the native surface and file names, in any case."""
    tree = {
        "model/policy.py": "LIMIT = 1\nFLURRY_LIMIT = 2\n",
        "model/window.py": "LIMIT = 1\n",
        "portal/templates/help.html": "<p>As in DevToDev</p>",
        "exports/leanplum.py": "",
        "surfaces/native.py": "# unlike FullStory\n",
        "surfaces/table.py": "DIALECTS = ('devtodev',)\n",
        "surfaces/flurry.py": "NAME = 'flurry'\n",
        "surfaces/leanplum/parse.py": "NAME = 'Leanplum'\n",
        "ingest/protocols/segments.py": "# as devtodev sends it\n",
    }
    for path, text in tree.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert list(vendor_words(tmp_path)) == [
        "exports/leanplum.py:0",
        "model/policy.py:2",
        "portal/templates/help.html:1",
        "surfaces/native.py:1",
    ]
