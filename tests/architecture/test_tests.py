"""What every test keeps to."""

import ast
from collections.abc import Iterator
from pathlib import Path

import tailrace
from tests.longest import LONGEST, TESTS


def silent_tests(tests: Path) -> Iterator[str]:
    """Each test function without a docstring, as path:line name; methods count too."""
    for path in sorted(tests.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if name.startswith("test") and not ast.get_docstring(node):
                        yield f"{path.relative_to(tests)}:{node.lineno} {name}"


def test_every_test_says_what_it_proves(root: Path) -> None:
    """Every test function in tests/ has a docstring."""
    assert list(silent_tests(root / "tests")) == []


def test_a_silent_test_is_found(tmp_path: Path) -> None:
    """The search can fail: it sees functions, coroutines and methods, and leaves helpers alone."""
    (tmp_path / "test_it.py").write_text(
        "def helper(): pass\n"
        "def test_a(): 'Says something.'\n"
        "def test_b(): pass\n"
        "class TestC:\n"
        "    async def test_d(self): pass\n"
    )
    assert list(silent_tests(tmp_path)) == ["test_it.py:3 test_b", "test_it.py:5 test_d"]


def test_the_longest_files_are_there() -> None:
    """What is begun first by its name still has that name."""
    assert [name for name in LONGEST if not (TESTS / name).is_file()] == []


def test_the_installed_wheel_is_tested(root: Path) -> None:
    """What the tests import is the wheel that scripts/test installed, not the sources."""
    assert root / "src" not in Path(tailrace.__file__).parents, "run scripts/test: this tests src, not the wheel"
