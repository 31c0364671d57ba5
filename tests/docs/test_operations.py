"""docs/operations.md says what the code does: every event of the log, every name of what is missing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tailrace.web.readiness import STOPPING

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
JOBS = (ROOT / "docs" / "jobs.md").read_text("utf-8")
ROW = re.compile(r"^\| `([a-z]+\.[a-z_]+)` \| .+\. \|$", re.MULTILINE)
LEVELS = ("debug", "info", "warning", "error", "exception", "write")


def events() -> Iterator[str]:
    """The first argument of each call that writes a line."""
    for path in sorted((ROOT / "src" / "tailrace").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=[ast.Constant(value=str(event)), *_]
                ) if level in LEVELS:
                    yield event
                case ast.Call(func=ast.Name(id="write"), args=[ast.Constant(value=str(event)), *_]):
                    yield event
                case ast.Call(
                    func=ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id="log"), *_]),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    yield event


def test_every_event_of_the_log_has_its_row() -> None:
    """Here or among those of jobs, once, with a sentence; and there is no row for what is never logged."""
    described = ROW.findall(PAGE) + ROW.findall(JOBS.split("## What an operator sees")[1])
    assert sorted(described) == sorted(set(events()))


def test_everything_that_may_be_missing_is_explained() -> None:
    """The names of the application's checks, and that it is to end."""
    checks = re.findall(
        r'^ +"(\w+)": partial|checks\["(\w+)"\]', (ROOT / "src/tailrace/app.py").read_text(), re.MULTILINE
    )
    table = PAGE.split("| missing | means |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == {a or b for a, b in checks} | {STOPPING}
