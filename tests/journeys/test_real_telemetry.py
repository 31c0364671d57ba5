"""The real telemetry from its file to verified downloads, by the commands and calls that a user makes."""

import csv
import gzip
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Client, Server, run

MAP = Path(__file__).resolve().parents[2] / "examples" / "maps" / "opengamedata.toml"
EVERYTHING = {"axis": "available", "from": None, "to": None}
# Texts that mean "no value" in the file.
EMPTY = ("", "None")
# Columns of the file that stay parameters, with what reads them.
EXTRA: dict[str, Any] = {
    "app_id": str,
    "app_branch": str,
    "event_source": str,
    "game_state": json.loads,
    "index": int,
    "log_version": int,
    "offset": str,
    "user_data": json.loads,
}


def sent(path: Path) -> list[dict[str, Any]]:
    """What the file says, read with the standard library: one expected row per line."""
    csv.field_size_limit(sys.maxsize)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [expected(row) for row in csv.DictReader(file, delimiter="\t")]


def expected(row: dict[str, str]) -> dict[str, Any]:
    """A line of the file as the row that must come out."""
    data = json.loads(row["event_data"])
    extra = {name: read(row[name]) for name, read in EXTRA.items() if row[name] not in EMPTY}
    return {
        "event": row["event_name"],
        "time": milliseconds(row["timestamp"]),
        "session_id": row["session_id"],
        "device_id": data["persistent_session_id"],
        "params": data | extra,
        "app_version": row["app_version"],
        "user_agent": data["http_user_agent"],
    }


def milliseconds(text: str) -> str:
    """``2023-02-01 16:16:44.589000``, with or without fraction, as the API writes it."""
    whole, _, fraction = text.partition(".")
    return f"{whole.replace(' ', 'T')}.{(fraction + '000')[:3]}Z"


def key(row: dict[str, Any]) -> str:
    """A row as text that sorts and compares, floats and all."""
    return json.dumps(row, sort_keys=True)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Rows of the files of a download."""
    return [
        json.loads(line) for path in folder.glob("*.gz") for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


@pytest.fixture
def provisioned(data: Path, provisioning: Path) -> Path:
    """A store that `tailrace apply` has provisioned."""
    done = run("apply", provisioning, "--data", data)
    assert done.returncode == 0, done.stderr
    return data


def imported(data: Path, file: Path) -> dict[str, Any]:
    """Import and seal by the command line; what the import says."""
    done = run("import", file, "--data", data, "--app", "app_waves", "--map", MAP, "--json")
    assert done.returncode == 0, done.stderr
    sealed = run("seal", "--data", data, "--all")
    assert sealed.returncode == 0, sealed.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def test_every_event_of_the_file_comes_out_once(provisioned: Path, waves: Path, tmp_path: Path) -> None:
    """All 10 000 events, field by field; those of a window are in it; a second import changes nothing; `verify` and
    `doctor` agree.
    """
    truth = sent(waves)
    assert len(truth) == 10_000
    assert imported(provisioned, waves)["accepted"] == 10_000
    with Server(provisioned) as server, Client(server.url) as client:
        first = client.export(EVERYTHING)
        folder = client.download(first, tmp_path / "chain")
        rows = rows_of(folder)
        names = truth[0].keys()
        assert Counter(key({name: row[name] for name in names}) for row in rows) == Counter(map(key, truth))
        assert len({row["id"] for row in rows}) == 10_000
        assert len({row["session_id"] for row in rows}) == 49
        assert len({row["event"] for row in rows}) == 11
        check_windows(client, truth, tmp_path)

        assert imported(provisioned, waves)["accepted"] == 10_000
        again = client.export(EVERYTHING)
        assert [f["sha256"] for f in again["files"]] == [f["sha256"] for f in first["files"]]
        rest = client.export(EVERYTHING, after=first["cursor"])
        assert rest["files"] == []
        client.download(rest, tmp_path / "chain")
    verified = run("verify", tmp_path / "chain", "--json")
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["chains"][0]["rows"] == 10_000
    doctor = json.loads(run("doctor", "--data", provisioned, "--json").stdout)
    assert doctor["ok"]
    assert doctor["ledgers"][0] == {
        "app": "app_waves",
        "received": 20_000,
        "accepted": 20_000,
        "dead_letters": 0,
        "sealed": 10_000,
        "open": 0,
        "duplicates": 10_000,
        "dropped": 0,
        "erased": 0,
    }


def check_windows(client: Client, truth: list[dict[str, Any]], folder: Path) -> None:
    """A day of event time holds just the events of that day, filtered by name and version if asked."""
    window = {"axis": "event_time", "from": "2023-02-01T00:00:00Z", "to": "2023-02-02T00:00:00Z"}
    of_day = [row for row in truth if row["time"].startswith("2023-02-01")]
    whole = rows_of(client.download(client.export(window), folder / "day"))
    few = client.export(window, filters={"events": ["BEGIN.0", "nobody"], "versions": ["0"]}, columns=["time", "event"])
    begins = rows_of(client.download(few, folder / "few"))
    none = client.export(window, filters={"events": [], "versions": ["7"]})
    assert Counter(row["time"] for row in whole) == Counter(row["time"] for row in of_day)
    assert sorted(map(key, begins)) == sorted(
        key({"time": row["time"], "event": "BEGIN.0"}) for row in of_day if row["event"] == "BEGIN.0"
    )
    assert (none["files"], none["rows"]) == ([], 0)


@pytest.mark.thorough
def test_two_stores_with_the_same_rows_have_the_same_digest(
    tmp_path: Path, provisioning: Path, few_waves: Path
) -> None:
    """`content_sha256` does not depend on how many seals it took, nor on the order of the rows."""
    digests, counts = set(), set()
    for name, settings in (("one", ""), ("many", "[seal]\nmax_records = 1\n")):
        data = tmp_path / name
        data.mkdir()
        (data / "tailrace.toml").write_text(settings)
        assert run("init", "--data", data).returncode == 0
        assert run("apply", provisioning, "--data", data).returncode == 0
        imported(data, few_waves)
        with Server(data) as server, Client(server.url) as client:
            manifest = client.export(EVERYTHING, columns=["id", "event", "time", "session_id", "params"])
        digests.add(manifest["files"][0]["content_sha256"])
        counts.add(manifest["rows"])
    assert counts == {len(sent(few_waves))}
    assert len(digests) == 1
