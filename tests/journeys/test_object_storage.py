"""Everything on S3: segments, parts and results, with a real server between; compared with what was sent."""

import gzip
import json
import random
import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.config import SETTINGS_FILE
from tailrace.exports.forms import default_split
from tailrace.exports.records import load_export
from tailrace.exports.submit import submit
from tailrace.files.s3 import uploads
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, MINUTE
from tailrace.model.errors import Unavailable
from tailrace.model.export import FORMATS, ExportRequest, Shape
from tailrace.upkeep.sweep import sweep
from tailrace.wiring import House, initialise, open_house, provision
from tests.conftest import wanted
from tests.journeys.test_real_telemetry import rows_of
from tests.sending import T0, event, export, file_bytes, in_threads, make, principal, request, seal, send, work
from tests.servers import Client, Server, run
from tests.stores import S3Server

SHAPES: tuple[Shape, ...] = ("events", "sessions", "tables")
EVERYTHING = {"axis": "available", "from": None, "to": None}


@pytest.fixture
def bucket(swift: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket that this process and its children keep objects in."""
    return keep_objects_in(swift, monkeypatch)


def keep_objects_in(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """From now on in a new bucket of a server."""
    name = server.bucket()
    for variable, value in server.environment.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("TAILRACE_FILES", f"s3://{name}/tail/race")
    return name


def batch(number: int) -> list[dict[str, Any]]:
    """Some hundred events of several devices over a week."""
    return [
        event(
            "tick", T0 + n * HOUR + number * MINUTE, device=f"d{n % 7}", session=f"s{number}-{n // 7}", params={"n": n}
        )
        for n in range(168)
    ]


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_chain_from_s3_is_what_was_sent(
    data: Path, provisioning: Path, swift: S3Server, bucket: str, tmp_path: Path
) -> None:
    """Two increments by HTTP and real worker processes: each event once, verified; nothing lies on this disk."""
    assert run("apply", provisioning, "--data", data).returncode == 0
    manifests: list[dict[str, Any]] = []
    with Server(data) as server, Client(server.url) as client:
        for number in range(2):
            client.send(batch(number))
            sealed = run("seal", "--data", data, "--all")
            assert sealed.returncode == 0, sealed.stderr
            after = {"after": manifests[-1]["cursor"]} if manifests else {}
            manifests.append(client.export(EVERYTHING, **after))
            client.download(manifests[-1], tmp_path / "chain")
    rows = [row for folder in (tmp_path / "chain").iterdir() for row in rows_of(folder)]
    assert Counter(row["id"] for row in rows) == Counter(client.acknowledged)
    assert len(client.acknowledged) == 336
    assert {row["params"]["n"] for row in rows} == set(range(168))
    by_command = run("export", "--data", data, "--app", "app_waves", "--axis", "available", "--out", tmp_path / "cli")
    assert by_command.returncode == 0, by_command.stderr
    assert Counter(row["id"] for row in rows_of(tmp_path / "cli")) == Counter(client.acknowledged)
    verified = run("verify", tmp_path / "chain", "--json")
    assert verified.returncode == 0, verified.stdout
    doctor = run("doctor", "--data", data, "--json")
    assert json.loads(doctor.stdout)["ok"], doctor.stdout

    objects = swift.objects(bucket)
    assert all(key.startswith("tail/race/acme/app_waves/") for key in objects)
    assert {file["bytes"] for manifest in manifests for file in manifest["files"]} <= set(objects.values())
    assert not [key for key in objects if "part-" in key]
    assert swift.uploads(bucket) == []
    assert not (data / "files").exists()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_store_that_moves_to_s3_gives_the_same_files(
    house: House, scope: Scope, swift: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its objects copied to a bucket and the directory of them left out: every shape in every format, same bytes."""
    send(house, scope, batch(0))
    seal(house, scope)
    asked = [
        request(scope, format=format_, shape=shape, split=default_split(shape), packing="none")
        for format_ in FORMATS
        for shape in SHAPES
    ]
    local = [files_of(house, scope, one) for one in asked]
    keep_objects_in(swift, monkeypatch)
    shutil.copytree(house.data, tmp_path / "moved", ignore=shutil.ignore_patterns("files"))
    with open_house(tmp_path / "moved") as moved:
        for listed in house.files.list(""):
            with moved.files.create(listed.key) as sink:
                for chunk in house.files.chunks(listed.key):
                    sink.write(chunk)
        sizes = {(listed.key, listed.bytes) for listed in moved.files.list("")}
        assert sizes == {(listed.key, listed.bytes) for listed in house.files.list("")}
        assert [files_of(moved, scope, one) for one in asked] == local


def files_of(house: House, scope: Scope, asked: ExportRequest) -> list[bytes]:
    """The files of an export."""
    done = make(in_threads(house), scope, asked)
    return [file_bytes(house, done, file["name"]) for file in json.loads(done.manifest or "")["files"]]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("bucket")
def test_files_larger_than_a_part(
    data: Path, provisioning: Path, swift: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments, parts and results that take several requests each are whole."""
    monkeypatch.setattr(uploads, "FIRST_PART", 5 << 20)
    noise = random.Random(4)  # noqa: S311 - the same in every run
    records = [event("big", T0 + n, params={"text": noise.randbytes(5_000).hex()}) for n in range(2_500)]
    with open_house(data) as opened:
        house = in_threads(opened)
        provision(house, wanted(provisioning))
        scope = scope_of_app(house.database, "app_waves")
        for start in range(0, len(records), 500):
            send(house, scope, records[start : start + 500])
        seal(house, scope)
        manifest, rows = export(house, scope, request(scope))
    texts = {record["id"]: record["params"]["text"] for record in records}
    assert {row["id"]: row["params"]["text"] for row in rows} == texts
    assert manifest["files"][0]["bytes"] > 10 << 20
    objects = swift.objects(bucket)
    for kind in ("segments", "exports"):
        assert max(size for key, size in objects.items() if f"/{kind}/" in key) > 5 << 20
    assert swift.uploads(bucket) == []


@pytest.mark.crash
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_a_killed_server_left_is_swept(
    data: Path, provisioning: Path, swift: S3Server, bucket: str, tmp_path: Path
) -> None:
    """Killed while it joins parts: the next server makes the export, a sweep deletes the rest and nothing else."""
    with (data / SETTINGS_FILE).open("a") as settings:
        settings.write("[exports]\nlease_ms = 1000\n[upkeep]\ngrace_ms = 0\n")
    with open_house(data) as house:
        provision(house, wanted(provisioning))
        scope = scope_of_app(house.database, "app_waves")
        send(house, scope, batch(0))
        seal(house, scope)
        asked = submit(house.submitter(), principal(house, scope), scope, request(scope))
    with Server(data, environment={"TAILRACE_TEST_KILL_AT": "export.mid_assemble:1"}) as server:
        server.wait_until_killed()
    assert [key for key in swift.objects(bucket) if "part-" in key]
    with Server(data) as server, Client(server.url) as client:
        manifest = client.finished(f"/v1/exports/{asked.id}")
        with open_house(data) as house:
            abandoned = ExitStack()
            sink = abandoned.enter_context(house.files.create(f"{scope.prefix}/exports/{asked.id}/1/never"))
            sink.write(bytes(17 << 20))  # enough to have begun in parts
            assert len(swift.uploads(bucket)) == 1
            while swift.uploads(bucket):  # Swift rounds times up to a second, so it may take a second sweep
                sweep(house.sweeper(), scope, lambda: None)
            with pytest.raises(Unavailable):
                abandoned.close()
        rows = rows_of(client.download(manifest, tmp_path / "chain"))
    assert Counter(row["id"] for row in rows) == Counter(record["id"] for record in batch(0))
    names = sorted([*(file["name"] for file in manifest["files"]), manifest["schema"]["name"]])
    assert sorted(key.split("/")[-1] for key in swift.objects(bucket) if "/exports/" in key) == names
    assert [key for key in swift.objects(bucket) if "/segments/" in key]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("bucket")
def test_another_machine_makes_the_export(data: Path, provisioning: Path, tmp_path: Path) -> None:
    """What one data directory took in, another makes files of, and the first hands them out: they share no disk."""
    other = tmp_path / "other"
    other.mkdir()
    (other / SETTINGS_FILE).write_text((data / SETTINGS_FILE).read_text())
    initialise(other)
    with open_house(data) as here, open_house(other) as there:
        provision(here, wanted(provisioning))
        scope = scope_of_app(here.database, "app_waves")
        send(here, scope, batch(0))
        seal(here, scope)
        asked = submit(here.submitter(), principal(here, scope), scope, request(scope))
        # Processes of a pool know the environment that this process had when it made its first one: maybe without S3.
        work(in_threads(there), scope, asked.id)
        done = load_export(here.database, scope.space, scope.app, asked.id)
        (name,) = [file["name"] for file in json.loads(done.manifest or "")["files"]]
        rows = [json.loads(line) for line in gzip.decompress(file_bytes(here, done, name)).splitlines()]
    assert Counter(row["id"] for row in rows) == Counter(record["id"] for record in batch(0))
