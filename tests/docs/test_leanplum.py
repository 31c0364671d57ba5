"""docs/leanplum.md against the code and the tests that it names."""

import ast
import re
from functools import cache
from pathlib import Path

from tailrace.model.policy import LIMITS
from tailrace.surfaces.leanplum.errors import ERRORS
from tailrace.surfaces.leanplum.shapes import NESTED, TABLES
from tailrace.surfaces.leanplum.surface import LEANPLUM
from tailrace.web.failures import sample

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "leanplum.md").read_text("utf-8")
TESTS = ROOT / "tests" / "contract" / "leanplum"
UNTESTED = ("not a rule", "not of the API")
# Kin of JSON as the page of fields calls them.
PLACES = {"": "session", "states": "state", "events": "event", "experiments": "experiment"}


@cache
def functions(module: str) -> frozenset[str]:
    """The names of a test module's functions."""
    tree = ast.parse((TESTS / f"{module}.py").read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def sentences() -> list[list[str]]:
    """The rows of the table: number, sentence, test."""
    table = PAGE.split("## Sentence by sentence")[1]
    return [re.split(r" \| ", line.strip("| ")) for line in table.splitlines() if re.match(r"\| \d", line)]


def test_every_sentence_has_a_test_or_a_reason() -> None:
    """Sentences are numbered from 1; each names tests that exist, or says why there is none."""
    found = sentences()
    assert [int(number) for number, *_ in found] == list(range(1, len(found) + 1))
    assert len(found) >= 47
    for number, _, tested in found:
        names = re.findall(r"`(test_\w+)\.(test_\w+)`", tested)
        assert names or tested.startswith(UNTESTED), number
        for module, name in names:
            assert name in functions(module), (number, name)


def test_every_status_of_an_error_is_listed() -> None:
    """The table of errors names each status that the surface answers; 500 is nobody's plan."""
    table = PAGE.split("## Errors")[1].split("\n## ")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    listed = {int(status) for cell in first for status in re.findall(r"\d{3}", cell)}
    assert listed == {LEANPLUM.reply(sample(kind)).status_code for kind in ERRORS} - {500}


def test_the_page_of_fields_has_every_column() -> None:
    """docs/fields.md lists the columns of each kind of rows in both formats, and no other."""
    section = (ROOT / "docs" / "fields.md").read_text("utf-8").split("\n## Leanplum\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    listed = {
        (place, name) for where, names in cells for place in re.findall("`(.*?)`", where)
        for name in re.findall("`(.*?)`", names)
    }  # fmt: skip
    nested = {(PLACES[table.name], column.name) for table in NESTED for column in table.columns}
    assert listed == nested | {(table.name, column.name) for table in TABLES for column in table.columns}


def test_settings_that_the_page_names_exist() -> None:
    """Each `leanplum.…` is a limit, and all limits are named but the one that nobody meets."""
    named = {f"leanplum.{name}" for name in re.findall(r"\"leanplum\.([a-z_]+)", PAGE)}
    assert named == {name for name in LIMITS if name.startswith("leanplum.")} - {"leanplum.max_running"}
