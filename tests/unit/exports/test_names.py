"""Names of files: unique and safe, whatever an event is called."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.exports.names import LONGEST, safe_name, safe_names
from tests.sending import T0, event
from tests.unit.exports.histories import Store

NASTY = (
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "A",
    "a",
    "a-2",
    ".",
    "..",
    "",
    " ",
    "con",
    "NUL.txt",
    "é",
    "e\u0301",
    "x" * 300,
)
MORE = ("😀" * 100, "a:b", "\u202egnp.exe", "users", "a\nb", "0001", "%2e%2e", "-rf", "~", "\ufeff")
TEXTS = st.text(max_size=20) | st.sampled_from([*NASTY, *MORE])


@given(st.lists(TEXTS, unique=True, max_size=30))
def test_names_are_unique_and_safe(keys: list[str]) -> None:
    """On any file system: also on one that folds case or composes accents; none is a path, hidden, reserved or long."""
    names = safe_names({key: key for key in keys})
    assert list(names) == keys
    folded = {unicodedata.normalize("NFC", name).casefold() for name in names.values()}
    assert len(folded) == len(keys)
    for name in names.values():
        assert 0 < len(name.encode()) <= LONGEST + 10
        assert not set(name) & set('/\\:*?"<>|\x00\n\r\t\u202e')
        assert not name.startswith((".", " "))
        assert not name.endswith((".", " "))
        assert name.partition(".")[0].casefold() not in ("con", "prn", "aux", "nul", "com1", "lpt9")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("level_up", "level_up"),
        ("Über/alles", "Über_alles"),
        ("../x", "_x"),
        ("", "_"),
        ("..", "_"),
        ("nul", "_nul"),
        ("Com1.x", "_Com1.x"),
        ("console", "console"),
        ("2026-01-02T03", "2026-01-02T03"),
    ],
)
def test_a_name_stays_as_it_is_where_it_can(key: str, name: str) -> None:
    """Plain names, days and hours are untouched; what is unsafe becomes an underscore."""
    assert safe_name(key) == name


@pytest.mark.parametrize("packing", ["none", "zip"])
@pytest.mark.parametrize("form", [{"split": "event"}, {"shape": "tables", "split": "event"}])
def test_events_of_any_name_have_their_files(store: Store, form: dict[str, str], packing: str) -> None:
    """Nasty names end up in files of their own, as keys in full; a users table is told from an event of that name."""
    names = [name for name in (*NASTY, *MORE) if name]
    store.wave([event(name, T0 + place, id=f"{place}") for place, name in enumerate(names)])
    manifest, found = store.contents(**form, packing=packing)
    rows = {one.entry["key"]: [row["id"] for row in one.rows] for one in found if one.entry["of"] == "rows"}
    assert rows == {name: [f"{place}"] for place, name in enumerate(names)}
    assert manifest["rows"] == len(names)
    files = [one.entry["name"].casefold() for one in found]
    assert len(files) == len(set(files)) == len(rows) + ("shape" in form)
    assert all(len(one.entry["name"].encode()) <= 255 for one in found)
    assert all(len(file["name"].encode()) <= 255 for file in (*manifest["files"], manifest["schema"]))
