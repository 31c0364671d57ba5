"""`tailrace doctor`: round trips, the machine, who works, a server from afar; and per app what waits to be deleted,
what is pinned, what fails, what should have expired.
"""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import make_url, update
from typer.testing import CliRunner

from tailrace.cli.app import make_app
from tailrace.cli.doctor_machine import machine_checks
from tailrace.cli.doctor_remote import remote_checks
from tailrace.config import SETTINGS_FILE
from tailrace.db.tables import exports, inbox_heads, jobs, store
from tailrace.files.local import LocalFiles
from tailrace.jobs.queue import claim, give_back, pin
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.wiring import House
from tests.conftest import TestClock
from tests.contract.live import live
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


def checks(data: Path, *, code: int = 0) -> dict[str, dict[str, Any]]:
    """All that `tailrace doctor` says, by name."""
    done = CliRunner().invoke(make_app(), ["doctor", "--data", str(data), "--json"])
    assert done.exit_code == code, done.output
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_round_trips_leave_nothing_behind(house: House) -> None:
    """Database, inbox and files were written to, read and cleaned again; rows and objects are those of before."""
    with house.database.read() as connection:
        before = connection.execute(store.select()).all()
    found = checks(house.data)
    assert [found[name]["ok"] for name in ("database", "inbox", "files")] == [True] * 3
    with house.database.read() as connection:
        assert connection.execute(store.select()).all() == before
    with house.database.read_inbox() as connection:
        assert connection.execute(inbox_heads.select().where(inbox_heads.c.app < 0)).all() == []
    assert list(house.files.list("")) == []


def test_a_trip_that_fails_says_what_to_do(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that cannot be written, or that come back different, and a database that takes nothing."""
    monkeypatch.setattr("tailrace.cli.doctor_trips._PROBE", b"x" * 5000)
    chunks = LocalFiles.chunks
    monkeypatch.setattr(LocalFiles, "chunks", lambda *args: [b"y", *chunks(*args)])
    assert "not what was written" in checks(house.data, code=1)["files"]["found"]

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalFiles, "create", full)
    found = checks(house.data, code=1)["files"]
    assert ("No space left" in found["found"], "has room" in found["next"]) == (True, True)


def test_a_password_in_a_file_that_others_read(house: House) -> None:
    """It is wrong, and how to mend it is told; without a password, or for the server's user alone, all is well."""
    path = house.data / SETTINGS_FILE
    if house.database.sqlite:
        path.chmod(0o644)
        assert checks(house.data)["settings"]["ok"]
        return
    url = make_url(house.settings.database).set(password="pw").render_as_string(hide_password=False)
    path.write_text(f'database = "{url}"\n')
    path.chmod(0o640)
    found = checks(house.data, code=1)["settings"]
    assert (found["next"], "pw" in found["found"]) == (f"chmod 600 {path}", False)
    path.chmod(0o600)
    assert checks(house.data)["settings"]["ok"]


def test_clocks_that_differ(house: House) -> None:
    """Of this machine and of the database, where that has one of its own."""
    behind = replace(house, clock=TestClock(house.clock.now() - HOUR))
    (found,) = [check for check in machine_checks(behind) if check.name == "clock"]
    assert found.ok is house.database.sqlite
    if not found.ok:
        assert found.found.startswith("-3,60")


def test_the_public_address_is_tried(house: House) -> None:
    """It is well if our server answers there."""
    with live(house) as http:
        for url, well in (
            (str(http.base_url), True),
            (f"{http.base_url}/nowhere", False),
            ("http://127.0.0.1:1", False),
        ):
            house.settings.public_url = url
            (found,) = [check for check in machine_checks(house) if check.name == "public_url"]
            assert (found.ok, found.next == "") == (well, well), found


def test_what_nobody_works_on_is_told(house: House, scope: Scope) -> None:
    """A lease that nobody took over, a job and records that wait for long while nothing of their kind is at work."""
    ask(house, scope)
    send(house, scope, [event("e", T0)], at=house.clock.now() - HOUR)
    with house.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.lane == "export").values(created_at=0))
    found = checks(house.data, code=1)
    assert re.fullmatch(
        r"unattended: jobs of the lane export for [\d,]+ s, records in the inbox for 3,6\d\d s",
        found["workers"]["found"],
    )
    assert found["leases"]["ok"]
    job = claim(house.database, "export", "test", MINUTE)
    assert job is not None
    with house.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.number == job.number).values(lease_until=1))
    found = checks(house.data, code=1)
    assert found["leases"]["found"] == "1 long over and not taken over"
    assert "export" not in found["workers"]["found"]


class Afar:
    """A server as the API describes it, with things that go wrong."""

    def __init__(self, **wrong: Any) -> None:
        self.wrong = wrong
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        url = "https://files.example/v1/exports/e/files/f?expires=1&signature=s"
        replies: dict[str, tuple[int, Any]] = {
            "/readyz": (200, {"ready": True}),
            "/v1/exports/exp_absent": (404, {}),
            "/v1/exports": (200, {"exports": [{"id": "none"}, {"id": "e"}], "next": None}),
            "/v1/exports/none/manifest": (200, {"files": []}),
            "/v1/exports/e/manifest": (200, {"files": [{"url": url}]}),
            "/v1/exports/e/files/f": (206, {}),
        }
        status, document = self.wrong.get(request.url.path, replies[request.url.path])
        return httpx.Response(status, json=document)


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({}, []),
        ({"/readyz": (503, {"ready": False, "missing": ["files"]})}, ["readiness"]),
        ({"/readyz": (502, {})}, ["readiness"]),
        ({"/v1/exports/exp_absent": (401, {})}, ["token"]),
        ({"/v1/exports/exp_absent": (403, {})}, ["token"]),
        ({"/v1/exports/e/files/f": (200, {})}, ["download"]),
        ({"/v1/exports/e/files/f": (403, {})}, ["download"]),
        ({"/v1/exports": (500, {})}, ["download"]),
    ],
)
def test_a_server_from_afar(wrong: dict[str, Any], names: list[str]) -> None:
    """Readiness, the token, and a ranged HEAD on the newest file, which is not told the token on another host."""
    afar = Afar(**wrong)
    with httpx.Client(base_url="https://x.example", transport=httpx.MockTransport(afar)) as http:
        found = list(remote_checks(http, "tok"))
    assert [check.name for check in found if not check.ok] == names
    assert all(check.next for check in found if not check.ok)
    heads = [request for request in afar.asked if request.method == "HEAD"]
    assert [(h.url.host, h.headers["range"], "authorization" in h.headers) for h in heads] in (
        [],
        [("files.example", "bytes=0-0", False)],
    )


def test_a_real_server_from_afar(house: House, scope: Scope) -> None:
    """It is found ready, its token good or not, and the newest file of its list is one that can be gone on with."""
    send(house, scope, [event("e", T0)])
    seal(house, scope)
    make(house, scope, request(scope))
    with live(house) as http:
        for token, well in (("tok_ana", True), ("tok_nobody", False)):
            arguments = ["doctor", "--server", str(http.base_url), "--token", token, "--json"]
            done = CliRunner().invoke(make_app(), arguments)
            found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
            assert (found["readiness"]["ok"], found["token"]["ok"]) == (True, well)
            assert found.get("download", {}).get("found") == ("status 200, ranges" if well else None)
    assert CliRunner().invoke(make_app(), arguments).exit_code == 1
