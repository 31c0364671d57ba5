"""Real SDKs, unmodified: a driver of tests/sdks/ uses one as its users do, and says what it sent.

A driver is called with the server's URL and a write key, calls the SDK, flushes it, and prints one JSON object per call
that it made: what was given to the SDK, in the test's own words. That is the oracle for what is exported. The SDKs of
Python are in the venv whose `python` is $TAILRACE_TEST_SDKS, those of Node in the `node_modules` that
$TAILRACE_TEST_NODE_SDKS names; scripts/test installs both.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Literal

import pytest

Language = Literal["python", "node"]

DRIVERS = Path(__file__).resolve().parent / "sdks"
_LANGUAGES: dict[str, Language] = {".py": "python", ".mjs": "node"}
_WAIT_S = 60
_VARIABLES = {"python": "TAILRACE_TEST_SDKS", "node": "TAILRACE_TEST_NODE_SDKS"}


def drive(driver: str, url: str, key: str = "wk_waves", *more: str) -> list[dict[str, Any]]:
    """Run ``tests/sdks/{driver}`` against a server; what it says that it sent, in order."""
    path = DRIVERS / driver
    return [json.loads(line) for line in run(_LANGUAGES[path.suffix], path.read_text("utf-8"), url, key, *more)]


def installed(driver: str) -> bool:
    """Whether the SDKs that a driver uses are there."""
    return bool(os.environ.get(_VARIABLES[_LANGUAGES[Path(driver).suffix]]))


def node_modules() -> Path:
    """Where the packages of Node are; a test that needs them is skipped where they are not installed."""
    return Path(_named("node"))


def run(language: Language, text: str, *arguments: str) -> list[str]:
    """Run a program that finds the SDKs of its language; the lines that it prints. One that fails fails the test, one
    whose SDKs are not installed skips it.
    """
    installed = _named(language)
    with tempfile.TemporaryDirectory() as folder:
        command = _command(language, installed, Path(folder), text)
        done = subprocess.run(
            [*command, *arguments], cwd=folder, env=_environment(), capture_output=True, text=True, timeout=_WAIT_S
        )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


def _named(language: Language) -> str:
    variable = _VARIABLES[language]
    installed = os.environ.get(variable)
    if not installed:
        pytest.skip(f"the SDKs for {language} are not named by {variable}")
    return installed


def _command(language: Language, installed: str, folder: Path, text: str) -> list[str]:
    """The program in a folder of its own, in which modules of Node are found as they are beside a program."""
    if language == "python":
        (folder / "program.py").write_text(text, "utf-8")
        return [installed, "-X", "utf8", "program.py"]
    (folder / "node_modules").symlink_to(installed)
    (folder / "program.mjs").write_text(text, "utf-8")
    return ["node", "program.mjs"]


def _environment() -> dict[str, str]:
    """Nothing of ours reaches an SDK: neither our packages nor proxies of this machine."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"NO_PROXY": "*", "PYTHONDONTWRITEBYTECODE": "1"}
