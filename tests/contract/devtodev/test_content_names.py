"""Names of files in the archive: those of events, safe on every file system, and none stands twice."""

import io
import resource
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tailrace.exports import parts as parts_module
from tailrace.exports.names import safe_names
from tests.contract.devtodev.content import archive, basic, custom, native, project
from tests.sending import T0, event
from tests.unit.exports.conftest import wide
from tests.unit.exports.histories import Store

__all__ = ["wide"]
MANY = 300


@pytest.fixture(scope="module")
def store(wide: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A project."""
    with project(wide, tmp_path_factory.mktemp("names") / "data") as opened:
        yield opened


NASTY = [
    *(
        "../../etc/passwd",
        "/abs",
        "users",
        "Users",
        "USERS.",
        "gs",
        "GS",
        "a/b",
        "a\\b",
        "a_b",
        "con",
        ".hid",
        "…",
        "é",
    ),
    *("e\u0301", "x" * 200, "x" * 199 + "y", "x" * 200 + "/", "tab\there", 'quote"', "", " ", "ru\u202egpj"),
]


def test_names_that_are_made_to_hurt(store: Store) -> None:
    """Paths, reserved words, control characters, names that differ by case alone, by how a letter is written, or only
    far behind: each event has a file of its own, none of which leaves the archive or takes the place of ours.
    """
    names = [name for name in NASTY if name.strip()]
    native(store, *(event(name, T0 + n, session="s", params={"is": name}) for n, name in enumerate(names)))
    native(store, event("Session Started", T0, session="s", kind="standard"))
    found = archive(store, *map(custom, names), basic("gs"))
    assert found is not None
    assert found.names[:2] == ["users.csv", "gs.csv"]
    assert [row["count"] for row in found["gs"]] == ["1"]
    assert [found.files[name][0]["is"] for name in found.names[2:]] == names
    assert_safe(found.names)
    flags = {info.filename: info.flag_bits & 0x800 for info in zipfile.ZipFile(io.BytesIO(found.data)).infolist()}
    assert all(bool(flag) == (not name.isascii()) for name, flag in flags.items())


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=210), max_size=12))
@example(NASTY)
@example(["a", "A", "a-2", "A-2", "a", "a/", "/a"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_names(names: list[str]) -> None:
    """Whatever events are called, one file each; a name that needs no cleaning and clashes with none before stays."""
    labels = {"u": "users"} | {str(place): name for place, name in enumerate(names)}
    made = safe_names(labels)
    assert made["u"] == "users"
    assert_safe([f"{name}.csv" for name in made.values()])
    if names and names[0].isalnum() and names[0].isascii() and len(names[0]) < 100 and names[0].lower() != "users":
        assert made["0"] in (names[0], f"_{names[0]}")


def assert_safe(names: list[str]) -> None:
    """No name is a path, hidden, too long or reserved, and no two are one on a disk that knows no case."""
    folded = [unicodedata.normalize("NFC", name).casefold() for name in names]
    assert len(set(folded)) == len(folded)
    for name in names:
        stem = name.removesuffix(".csv")
        assert not set(name) & set('/\\:*?"<>|\x00\n\t')
        assert stem.strip(" .") == stem != ""
        assert len(name.encode()) <= 255
        assert stem.split(".")[0].lower() not in ("con", "prn", "aux", "nul", "com1", "lpt9")


def test_many_names_need_few_files_and_little_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of hundreds of files is made with a few more open files than there were before, and what waits to be
    written is let go as often as it must: each file holds just its event all the same.
    """
    names = [f"many {n:03d}" for n in range(MANY)]
    native(store, *(event(name, T0 + n, session="s", params={"n": n}) for n, name in enumerate(names)))
    monkeypatch.setattr(parts_module, "MANY_KEYS_BYTES", 1 << 10)
    open_now = len(list(Path("/proc/self/fd").iterdir()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 40, hard))
    try:
        found = archive(store, *map(custom, names))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found is not None
    assert found.names == ["users.csv", *(f"{name}.csv" for name in names)]
    assert [found[name][0]["n"] for name in names] == [str(n) for n in range(MANY)]
