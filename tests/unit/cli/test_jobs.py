"""`tailrace jobs`: what an operator sees of the queue."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tailrace.cli.app import make_app
from tailrace.cli.jobs import _age
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND
from tailrace.wiring import House
from tests.unit.jobs.doing import add, back, call_off, end, taken


def shown(house: House, *arguments: str) -> str:
    """What the command prints."""
    done = CliRunner().invoke(make_app("jobs"), ["jobs", "--data", str(house.data), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def listed(house: House, *arguments: str) -> list[dict[str, Any]]:
    """The same as JSON, without what a store has by itself."""
    found: list[dict[str, Any]] = json.loads(shown(house, "--json", *arguments))
    return [job for job in found if job["lane"] != "upkeep"]


def test_what_waits_and_runs_is_listed(house: House, scope: Scope) -> None:
    """Newest first; finished jobs when they are asked for."""
    add(house, scope, "done", "runs", "waits")
    end(house, taken(house))
    taken(house, "worker 7")
    assert [(job["subject"], job["state"], job["holder"]) for job in listed(house)] == [
        ("waits", "ready", None),
        ("runs", "leased", "worker 7"),
    ]
    assert [job["subject"] for job in listed(house, "--all")] == ["waits", "runs", "done"]


def test_pages_follow_each_other(house: House, scope: Scope) -> None:
    """The number of the last job of a page leads to the next."""
    add(house, scope, "a", "b", "c")
    (newest,) = listed(house, "--limit", "1")
    assert newest["subject"] == "c"
    assert [job["subject"] for job in listed(house, "--before", str(newest["number"]))] == ["b", "a"]


def test_people_see_how_it_went(house: House, scope: Scope) -> None:
    """State with what was asked of it, failures and worker."""
    add(house, scope, "exp_a")
    back(house, taken(house), failed=True)
    taken(house, "worker 7")
    call_off(house, scope, "exp_a")
    text = " ".join(shown(house).split())
    for part in ("export", "leased, to be cancelled", "acme", "app_waves", "exp_a", "worker 7"):
        assert part in text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5, "0 s"),
        (90 * SECOND, "90 s"),
        (2 * MINUTE, "2 min"),
        (119 * MINUTE, "119 min"),
        (47 * HOUR, "47 h"),
        (9 * DAY, "9 d"),
    ],
)
def test_ages_are_short(ms: int, text: str) -> None:
    """In the largest unit that fits twice."""
    assert _age(ms) == text
