"""Tables of a vendor's sentences in the page of a dialect: each names tests that there are, or why there is none."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def functions(dialect: str, module: str) -> frozenset[str]:
    """The names of the functions of a module of a dialect's tests."""
    path = ROOT / "tests" / "contract" / dialect / f"{module}.py"
    return frozenset(node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef))


def page_of(dialect: str) -> str:
    """The page of a dialect."""
    return (ROOT / "docs" / f"{dialect}.md").read_text("utf-8")


def section(page: str, name: str) -> str:
    """What stands below a heading."""
    return page.split(f"\n## {name}\n")[1].split("\n## ")[0]


def check_sentences(dialect: str, *untested: str, least: int) -> None:
    """Make sure that sentences are numbered from 1, `least` of them at least, and that each names tests that exist, or
    begins with one of the reasons why there is none.
    """
    lines = section(page_of(dialect), "Sentence by sentence").splitlines()
    found = [line.strip("| ").split(" | ") for line in lines if re.match(r"\| \d", line)]
    assert [int(number) for number, *_ in found] == list(range(1, len(found) + 1))
    assert len(found) >= least
    for number, _, tested in found:
        names = re.findall(r"`(test_\w+)\.(test_\w+)`", tested)
        assert names or tested.startswith(untested), number
        for module, name in names:
            assert name in functions(dialect, module), (number, name)


def statuses(page: str) -> set[int]:
    """What the first column of the table of errors names."""
    first = [line.split("|")[1] for line in section(page, "Errors").splitlines() if line.startswith("|")]
    return {int(status) for cell in first for status in re.findall(r"\d{3}", cell)}
