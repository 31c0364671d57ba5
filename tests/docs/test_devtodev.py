"""docs/devtodev.md against the code and the tests that it names."""

import ast
import re
from functools import cache
from pathlib import Path

from tailrace.model.policy import LIMITS
from tailrace.surfaces.devtodev.choosing import IDS
from tailrace.surfaces.devtodev.errors import ERRORS, ERRORS_LISTED
from tailrace.surfaces.devtodev.filters import OPERATORS
from tailrace.surfaces.devtodev.policy import LIMITS as OURS
from tailrace.surfaces.devtodev.surface import DEVTODEV
from tailrace.web.failures import sample

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "devtodev.md").read_text("utf-8")
TESTS = ROOT / "tests" / "contract" / "devtodev"
UNTESTED = ("not a rule", "not of the API", "not of this page")


@cache
def functions(module: str) -> frozenset[str]:
    """The names of a test module's functions."""
    tree = ast.parse((TESTS / f"{module}.py").read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def section(name: str) -> str:
    """What stands below a heading."""
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


def test_every_sentence_has_a_test_or_a_reason() -> None:
    """Sentences are numbered from 1; each names tests that exist, or says why there is none."""
    lines = section("Sentence by sentence").splitlines()
    found = [line.strip("| ").split(" | ") for line in lines if re.match(r"\| \d", line)]
    assert [int(number) for number, *_ in found] == list(range(1, len(found) + 1))
    assert len(found) >= 60
    for number, _, tested in found:
        names = re.findall(r"`(test_\w+)\.(test_\w+)`", tested)
        assert names or tested.startswith(UNTESTED), number
        for module, name in names:
            assert name in functions(module), (number, name)


def test_every_status_and_code_of_an_error_is_listed() -> None:
    """The table of errors has each status that the surface answers, and each code beside its status."""
    rows = re.findall(r"^\| ([\d, ]+) \| ([\d, ]+) \|", section("Errors"), re.MULTILINE)
    listed = {
        (int(status), int(code))
        for statuses, codes in rows
        for status in statuses.split(",")
        for code in codes.split(",")
    }
    assert {(status, code) for code, (status, _) in ERRORS_LISTED.items()} <= listed
    ours = {DEVTODEV.reply(sample(kind)).status_code for kind in ERRORS}
    assert ours | {404, 405} <= {status for status, _ in listed}


def test_ids_and_operators_are_those_of_the_code() -> None:
    """Each id of a standard event and each operator stands in its table, and no other one."""
    ids = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`\w+`[^|]*) \|", section("Events"), re.MULTILINE)))
    assert set(ids) == IDS
    operators = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", section("Filters"), re.MULTILINE)))
    assert set(operators) == set(OPERATORS)


def test_settings_are_those_of_the_code() -> None:
    """Each limit of the surface stands in the page with its default, and is one that `tailrace apply` knows."""
    shown = dict(re.findall(r'^"(devtodev\.\w+)" = (\d+)$', section("Limits"), re.MULTILINE))
    assert shown == {one.name: str(one.default) for one in OURS}
    assert shown.keys() <= LIMITS.keys()
    assert {f"devtodev.{name}" for name in re.findall(r"`devtodev\.(\w+)`", PAGE)} <= shown.keys()
