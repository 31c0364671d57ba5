"""`tailrace audit`: the operator reads who did what, of all spaces."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.accounts.audit import Actor
from tailrace.cli import codes, exits
from tailrace.cli.app import make_app
from tailrace.wiring import House
from tests.noting import tell

Inside = Callable[..., tuple[int, str]]


@pytest.fixture
def backend() -> str:
    """The command reads through the same door on both databases."""
    return "sqlite"


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path) -> Inside:
    """Runs the command on the store: code and stdout."""

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["tailrace", "audit", "--data", str(data), *arguments])
        code = exits.run(make_app("audit"))
        return code, capsys.readouterr().out

    return call


def test_who_did_what(house: House, inside: Inside) -> None:
    """A table, one JSON document or lines; filtered by space, action and time; newest first."""
    for n in range(3):
        tell(house.database, Actor(1, "ana", "192.0.2.1"), "app.made", f"a{n}", {"n": n}, app="app_waves")
    code, shown = inside()
    assert (code, "app.made" in shown, "192.0.2.1" in shown, '{"n":2}' in shown) == (0, True, True, True)
    found: list[Any] = json.loads(inside("--json")[1])
    assert [entry["subject"] for entry in found[:3]] == ["a2", "a1", "a0"]
    assert {entry["space"] for entry in found} == {"acme", "other"}
    lines = [json.loads(line) for line in inside("--ndjson", "--limit", "1")[1].splitlines()]
    assert lines == found
    assert len(json.loads(inside("--json", "--limit", "1")[1])) == 1
    assert {entry["space"] for entry in json.loads(inside("--json", "--space", "other")[1])} == {"other"}
    assert len(json.loads(inside("--json", "--action", "app.made")[1])) == 3
    assert json.loads(inside("--json", "--to", "2020-01-01T00:00:00Z")[1]) == []
    assert json.loads(inside("--json", "--from", "2020-01-01T00:00:00Z")[1]) == found
    assert inside("--from", "soon")[0] == codes.BAD_INPUT
