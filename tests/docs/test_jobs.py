"""docs/jobs.md draws what the code does: states and arrows, lanes, and the rules for trying again."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import pytest

from tailrace.exports import states as export_states
from tailrace.jobs import states as job_states
from tailrace.jobs.queue import Lane
from tailrace.jobs.retry import RULES
from tailrace.jobs.states import JobState
from tailrace.model.export import FINAL_STATES, ExportState

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "jobs.md").read_text("utf-8")
ARROW = re.compile(r"^    (\[\*\]|\w+) --> (\w+): (.+)$", re.MULTILINE)
ROW = re.compile(r"^\| `([^`]+)` \| (?:(\w+) )?→ (\w+) \| (.+) \|$", re.MULTILINE)

Arrows = set[tuple[str | None, str, str]]
TABLES: dict[str, tuple[Sequence[tuple[str | None, str, str]], tuple[str, ...]]] = {
    "The states of a job": (job_states.ARROWS, get_args(JobState)),
    "The states of an export": (export_states.ARROWS, get_args(ExportState)),
}


def section(title: str) -> str:
    """What stands below a heading."""
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("title", TABLES)
def test_the_chart_is_the_code(title: str) -> None:
    """Every arrow of the chart is one of the table in the code, and the other way round."""
    drawn = {
        (None if source == "[*]" else source, target, name) for source, target, name in ARROW.findall(section(title))
    }
    assert drawn == set(map(tuple, TABLES[title][0]))


@pytest.mark.parametrize("title", TABLES)
def test_every_arrow_has_its_sentence(title: str) -> None:
    """The table beside the chart has the same arrows, each with one sentence."""
    found = {(source or None, target, name): text for name, source, target, text in ROW.findall(section(title))}
    assert found.keys() == set(map(tuple, TABLES[title][0]))
    assert all(text.endswith(".") for text in found.values())


@pytest.mark.parametrize("title", TABLES)
def test_every_state_is_drawn_and_has_a_way_out(title: str) -> None:
    """No state is unreachable, none is a trap, and final ones lead nowhere but to deleting files."""
    arrows, states = TABLES[title]
    assert {target for _, target, _ in arrows} == set(states)
    final = {"done"} if title == "The states of a job" else set(FINAL_STATES)
    ends = {state for state in states if not any(source == state for source, _, _ in arrows)}
    assert ends <= final
    for state in states:
        assert reachable(state, arrows) & final, state
    for source, target, name in arrows:
        assert source not in final or (source, target, name) == ("succeeded", "expired", "expire")


def reachable(state: str, arrows: Sequence[tuple[str | None, str, str]]) -> set[str]:
    """Where one can come to from a state, itself included."""
    found = {state}
    while more := {target for source, target, _ in arrows if source in found} - found:
        found |= more
    return found


def test_code_sets_no_other_state() -> None:
    """Each state that the rooms of exports and upkeep write is the target of an arrow."""
    written = {state for room in ("exports", "upkeep") for state in states_written(ROOT / "src" / "tailrace" / room)}
    assert written == set(get_args(ExportState))


def states_written(room: Path) -> Iterator[str]:
    """Literal values of arguments named `state`."""
    for path in sorted(room.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.keyword(arg="state", value=ast.Constant(value=str(state))):
                    yield state


def test_all_lanes_are_described() -> None:
    """Each with a row."""
    assert re.findall(r"^\| `(\w+)` \|", section("Lanes"), re.MULTILINE) == list(get_args(Lane))


def test_the_rules_for_trying_again_are_those_of_the_code() -> None:
    """Class by class, number by number."""
    rows = re.findall(
        r"^\| `(\w+)` \| (\d+) s \| (\d+) s \| ([\w ]+) \| (yes|no) \|$", section("What is tried again"), re.MULTILINE
    )
    assert [row[0] for row in rows] == [kind.__name__ for kind in RULES]
    for (_, first, most, often, counts), rule in zip(rows, RULES.values(), strict=True):
        assert (int(first) * 1000, int(most) * 1000) == (rule.first_ms, rule.most_ms)
        assert often == ("the setting" if rule.attempts is None else str(rule.attempts))
        assert (counts == "yes") is rule.counts
