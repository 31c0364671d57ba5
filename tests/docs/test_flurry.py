"""docs/flurry.md against the code and the tests that it names."""

import ast
import re
from functools import cache
from pathlib import Path

from tailrace.model.policy import LIMITS
from tailrace.surfaces.flurry.errors import ERRORS
from tailrace.surfaces.flurry.shapes import rows
from tailrace.surfaces.flurry.surface import FLURRY
from tailrace.web.failures import sample

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "flurry.md").read_text("utf-8")
TESTS = ROOT / "tests" / "contract" / "flurry"
UNTESTED = ("not a rule", "not of the API")


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
    assert len(found) >= 40
    for number, _, tested in found:
        names = re.findall(r"`(test_\w+)\.(test_\w+)`", tested)
        assert names or tested.startswith(UNTESTED), number
        for module, name in names:
            assert name in functions(module), (number, name)


def test_a_test_that_is_not_there_would_be_found() -> None:
    """The look at modules tells names that exist from others."""
    assert "test_the_whole_flow" in functions("test_flow")
    assert "test_nothing" not in functions("test_flow")


def test_every_status_of_an_error_is_listed() -> None:
    """The table of errors names each status that the surface answers; 500 is nobody's plan."""
    table = PAGE.split("## Errors")[1].split("\n## ")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    listed = {int(status) for cell in first for status in re.findall(r"\d{3}", cell)}
    assert listed == {FLURRY.reply(sample(kind)).status_code for kind in ERRORS} - {500}


def test_the_page_of_fields_has_the_columns_in_their_order() -> None:
    """docs/fields.md lists the sixteen columns as the surface has them, each with the fields that it is made of."""
    section = (ROOT / "docs" / "fields.md").read_text("utf-8").split("\n## Flurry\n")[1].split("\n## ")[0]
    cells = [line.split("|")[2:4] for line in section.splitlines() if line.startswith("| `row`")]
    listed = [(re.findall("`(.*?)`", name)[0], tuple(re.findall("`(.*?)`", sources))) for name, sources in cells]
    assert listed == [(column.name, column.sources) for column in rows(2).columns]
    assert len(listed) == 16


def test_settings_that_the_page_names_exist() -> None:
    """Each `flurry.…` is a limit, and the page names those that choices refer to."""
    named = {f"flurry.{name}" for name in re.findall(r"`?\"?flurry\.([a-z_]+)", PAGE)}
    assert named <= set(LIMITS)
    assert named >= {"flurry.max_window_days", "flurry.max_events", "flurry.max_age_days", "flurry.storage_links"}
