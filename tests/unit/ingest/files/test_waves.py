"""Real telemetry: nothing of the file is lost by its map. The standard library's csv and json are the other reader."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.ingest.files.conftest import Importer

ROOT = Path(__file__).resolve().parents[4]
WAVES = ROOT.parent / "shared" / "data" / "waves-events-2023-02.tsv.gz"
MAP = ROOT / "examples" / "maps" / "opengamedata.toml"

pytestmark = pytest.mark.skipif(not WAVES.exists(), reason="the shared telemetry is not on this machine")

INTS = ("index", "log_version")
TEXTS = ("app_id", "app_branch", "event_source", "offset")
OBJECTS = ("user_data", "game_state")


@pytest.fixture(scope="module")
def expected() -> list[dict[str, str]]:
    """The rows of the file, as the standard library reads them."""
    text = gzip.decompress(WAVES.read_bytes()).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"))


def place(row: dict[str, Any]) -> tuple[str, int]:
    return row["session_id"], json.loads(row["params"])["index"]


def test_the_whole_file_goes_in(importer: Importer, expected: list[dict[str, str]]) -> None:
    """10 000 events in 49 sessions of 11 names, every field of every row as it stands in the file."""
    summary = importer.run(WAVES, MAP.read_text())
    assert (summary.rows, summary.accepted, summary.rejected) == (10_000, 10_000, 0)
    found = {place(row): row for row in importer.rows()}
    assert (len(found), len({s for s, _ in found}), len({row["event"] for row in found.values()})) == (10_000, 49, 11)
    for row in expected:
        compare(found[row["session_id"], int(row["index"])], row)


def compare(found: dict[str, Any], row: dict[str, str]) -> None:
    data = json.loads(row["event_data"])
    moment = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
    assert found["event"] == row["event_name"]
    assert found["time"] == round(moment.timestamp() * 1000)
    assert found["session_id"] == row["session_id"]
    assert found["device_id"] == data["persistent_session_id"]
    assert found["user_id"] == (row["user_id"] or None)
    assert json.loads(found["session"]) == {"app_version": row["app_version"], "user_agent": data["http_user_agent"]}
    assert found["params"].startswith(row["event_data"].rstrip("}"))
    further: dict[str, object] = {name: row[name] for name in TEXTS} | {name: int(row[name]) for name in INTS}
    further |= {name: json.loads(row[name]) for name in OBJECTS}
    given = {name: value for name, value in further.items() if value not in ("", "None")}
    assert json.loads(found["params"]) == data | given


def test_every_column_is_used(expected: list[dict[str, str]]) -> None:
    """The map names each column of the file."""
    text = MAP.read_text()
    assert [column for column in expected[0] if f'column = "{column}"' not in text] == []


def test_a_second_import_adds_nothing(importer: Importer) -> None:
    """The same file again has the same keys, which the seal drops."""
    importer.run(WAVES, MAP.read_text())
    once = {row["key"] for row in importer.rows()}
    importer.run(WAVES, MAP.read_text())
    assert {row["key"] for row in importer.rows()} == once
    assert len(once) == 10_000
