"""A module is read in one sitting."""

from pathlib import Path

MOST_LINES = 400


def long_modules(src: Path) -> list[str]:
    """Modules above the limit, with their length."""
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in sorted(src.rglob("*.py"))}
    return [f"{path.relative_to(src)}: {length} lines" for path, length in lengths.items() if length > MOST_LINES]


def test_no_module_is_too_long(src: Path) -> None:
    """No module in src exceeds the limit: above it, a module becomes a folder."""
    assert long_modules(src) == []


def test_a_long_module_is_found(tmp_path: Path) -> None:
    """The count can fail, and the limit itself is allowed."""
    (tmp_path / "short.py").write_text("x = 1\n" * MOST_LINES)
    (tmp_path / "long.py").write_text("x = 1\n" * (MOST_LINES + 1))
    assert long_modules(tmp_path) == ["long.py: 401 lines"]
