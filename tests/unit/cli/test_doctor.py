"""`tailrace doctor` on upkeep: what waits to be deleted, what is pinned, what fails, what should have expired."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from tailrace.cli.app import make_app
from tailrace.db.tables import exports
from tailrace.jobs.queue import claim, give_back, pin
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, MINUTE
from tailrace.wiring import House
from tests.sending import T0, event, make, request, seal, send
from tests.unit.upkeep.writers import ask, put, sealer


def doctor(data: Path, *, code: int = 0) -> dict[str, dict[str, Any]]:
    """What `tailrace doctor` says of app_waves, by the check's first word."""
    done = CliRunner().invoke(make_app(), ["doctor", "--data", str(data), "--json"])
    assert done.exit_code == code, done.output
    checks = json.loads(done.stdout)["checks"]
    return {check["name"].split()[0]: check for check in checks if check["name"].endswith("app_waves")}


def test_a_fresh_store_waits_for_nothing(house: House) -> None:
    """No objects, no pin, nothing failing: all is well."""
    found = doctor(house.data)
    assert found["objects"]["found"] == "0 unreferenced with 0 bytes among 0 objects"
    assert found["jobs"]["found"] == "no pin, 0 failing, 0 exports past their life"


def test_what_nothing_needs_is_counted(house: House, scope: Scope) -> None:
    """Objects that no row names with their bytes, and names that are not ours apart."""
    send(house, scope, [event("e", T0)])
    seal(house, scope)
    dead = sealer(house, scope)
    assert dead is not None
    dead.write()
    dead.write()
    put(house, f"{scope.prefix}/notes.txt", b"12345")
    found = doctor(house.data)["objects"]
    assert found["found"] == "2 unreferenced with 2 bytes among 5 objects; 1 of unknown names with 5 bytes"
    assert found["ok"]


def test_pins_and_failures_are_shown(house: House, scope: Scope) -> None:
    """The oldest commit that a job keeps, and jobs that have failed since they last went well with their last error."""
    for snapshot in (9, 7):
        ask(house, scope)
        job = claim(house.database, "export", "test", MINUTE)
        assert job is not None
        with house.database.write() as connection:
            pin(connection, job, snapshot)
            give_back(connection, job, DAY, failed=True, error="the disk is full; make room")
    found = doctor(house.data)["jobs"]
    assert (found["found"], found["ok"]) == ("oldest pin 7, 2 failing, 0 exports past their life", True)
    assert "the disk is full; make room" in found["next"]


@pytest.mark.parametrize(("ago", "well"), [(MINUTE, True), (DAY, False)])
def test_exports_past_their_life_are_shown(house: House, scope: Scope, ago: int, well: bool) -> None:
    """One that a sweep will find is no matter; one that sweeps should have found says that nobody sweeps."""
    make(house, scope, request(scope))
    with house.database.write() as connection:
        connection.execute(update(exports).values(expires_at=house.clock.now() - ago))
    found = doctor(house.data, code=0 if well else 1)["jobs"]
    assert found["found"] == "no pin, 0 failing, 1 exports past their life"
    assert (found["ok"], found["next"] == "") == (well, well)
