"""Settings: the environment over the file over the default, and nothing unknown."""

import subprocess
import sys
from pathlib import Path

import pytest

from tailrace.config import SETTINGS_FILE, Settings, load
from tailrace.model.errors import Invalid

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting comes from the environment of the tests."""
    for name in ("TAILRACE_DATABASE", "TAILRACE_SHARD_BITS", "TAILRACE_SEAL__INTERVAL_MS", "TAILRACE_EXPORTS__THREADS"):
        monkeypatch.delenv(name, raising=False)


def file(data: Path, text: str) -> None:
    (data / SETTINGS_FILE).write_text(text)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each key is looked up by itself: one from the environment, its sibling from the file, the third by default."""
    file(tmp_path, "shard_bits = 3\n[seal]\ninterval_ms = 11\nmax_records = 12\n")
    monkeypatch.setenv("TAILRACE_SEAL__INTERVAL_MS", "7")
    found = load(tmp_path)
    assert (found.shard_bits, found.seal.interval_ms, found.seal.max_records) == (3, 7, 12)
    assert found.seal.inactivity_ms == 1_800_000
    assert (found.exports.workers, found.exports.pool) == (2, "processes")


def test_without_a_file_all_is_default(tmp_path: Path) -> None:
    """No file is no error."""
    assert load(tmp_path).model_dump() == Settings.model_construct().model_dump()


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("wat = 1", "wat", "no such setting"),
        ("[seal]\nwat = 1", "seal.wat", "no such setting"),
        ("[exports]\nwat = 1", "exports.wat", "no such setting"),
        ("[wat]\nx = 1", "wat", "no such setting"),
        ("[seal]\ninterval_ms = 0", "seal.interval_ms", "greater than 0"),
        ('shard_bits = "many"', "shard_bits", "valid integer"),
        ("shard_bits = 9", "shard_bits", "less than or equal to 8"),
        ("shard_bits = ", SETTINGS_FILE, "not TOML"),
        ('[downloads]\naccel_prefix = "files"', "downloads.accel_prefix", "pattern"),
        ('files = "s3://a"\n[downloads]\naccel_prefix = "/files/"', "downloads.accel_prefix", "S3"),
        ('trusted_proxies = "127.0.0.1, proxy.example"', "trusted_proxies", "proxy.example"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, where: str, why: str) -> None:
    """An unknown key, on every level, and a wrong value are errors that name the key."""
    file(tmp_path, text)
    with pytest.raises(Invalid) as caught:
        load(tmp_path)
    assert caught.value.where.endswith(where)
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("variable", "where"),
    [("TAILRACE_SEAL__WAT", "seal.wat"), ("TAILRACE_SEAL", "environment"), ("TAILRACE_SHARD_BITS", "shard_bits")],
)
def test_what_cannot_be_in_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, where: str
) -> None:
    """A wrong variable is an error too."""
    monkeypatch.setenv(variable, "x")
    with pytest.raises(Invalid) as caught:
        load(tmp_path)
    assert caught.value.where == where


def test_a_wrong_setting_never_shows_its_value(tmp_path: Path) -> None:
    """Settings can hold passwords, so an error names the key alone."""
    file(tmp_path, 'databse = "postgresql+psycopg://u:SECRET@h/d"')
    with pytest.raises(Invalid) as caught:
        load(tmp_path)
    assert "SECRET" not in str(caught.value)


def test_the_documented_tables_are_those_of_the_code() -> None:
    """docs/settings.md and the other generated passages say what the code says."""
    script = [sys.executable, str(ROOT / "scripts" / "generate_docs.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
