"""docs/fullstory.md against the code and the tests that it names."""

import ast
import re
from functools import cache
from pathlib import Path

from tailrace.model.policy import LIMITS
from tailrace.surfaces.fullstory.errors import ERRORS
from tailrace.surfaces.fullstory.policy import LIMITS as OWN
from tailrace.surfaces.fullstory.shapes import rows
from tailrace.surfaces.fullstory.surface import FULLSTORY
from tailrace.web.failures import sample

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "fullstory.md").read_text("utf-8")
TESTS = ROOT / "tests" / "contract" / "fullstory"


@cache
def functions(module: str) -> frozenset[str]:
    """The names of a test module's functions."""
    tree = ast.parse((TESTS / f"{module}.py").read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_sentence_has_a_test_or_a_reason() -> None:
    """Sentences are numbered from 1; each names tests that exist, or says why there is none."""
    table = PAGE.split("## Sentence by sentence")[1]
    found = [re.split(r" \| ", line.strip("| ")) for line in table.splitlines() if re.match(r"\| \d", line)]
    assert [int(number) for number, *_ in found] == list(range(1, len(found) + 1))
    assert len(found) > 60
    for number, _, tested in found:
        names = re.findall(r"`(test_\w+)\.(test_\w+)`", tested)
        assert names or tested == "not of the API", number
        for module, name in names:
            assert name in functions(module), (number, name)
    assert "test_nothing" not in functions("test_flow")


def test_every_status_of_an_error_is_listed() -> None:
    """The table of errors names each status that the surface answers; 500 is nobody's plan."""
    table = PAGE.split("## Errors")[1].split("\n## ")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    listed = {int(status) for cell in first for status in re.findall(r"\d{3}", cell)}
    assert listed == {FULLSTORY.reply(sample(kind)).status_code for kind in ERRORS} - {500}


def test_the_page_of_fields_has_the_fields() -> None:
    """docs/fields.md lists the fields as the surface has them, each with the canonical fields that it is made of."""
    section = (ROOT / "docs" / "fields.md").read_text("utf-8").split("\n## FullStory\n")[1].split("\n## ")[0]
    cells = [line.split("|")[2:4] for line in section.splitlines() if line.startswith("| `event`")]
    listed = [(re.findall("`(.*?)`", name)[0], tuple(re.findall("`(.*?)`", sources))) for name, sources in cells]
    shown = [(column.name.replace("evt_*", "evt_<name>_<suffix>"), column.sources) for column in rows(1).columns]
    assert listed == shown


def test_settings_that_the_page_names_exist() -> None:
    """Each `fullstory.…` is a limit of the surface."""
    named = {f"fullstory.{name}" for name in re.findall(r"fullstory\.([a-z_]+)", PAGE) if name != "md"}
    assert named <= {limit.name for limit in OWN} <= set(LIMITS)
    assert len(named) >= 6
