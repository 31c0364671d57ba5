"""The examples of docs/client.md, and of servers in docs/cli.md, run as they stand; the list of methods is whole."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.cli import exits
from tailrace.cli.app import app_for
from tailrace.cli.remote import profiles
from tailrace.client import Client
from tailrace.client.methods import Listing, Method
from tests import contract_server as contract
from tests.contract_server import ContractServer, contract_server

DOCS = Path(__file__).resolve().parents[2] / "docs"
HERE = "http://127.0.0.1:8080"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page in a language."""
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ContractServer]:
    """A server that knows the token of the examples, and an empty directory and home."""
    monkeypatch.setattr(contract, "TOKEN", "tok_demo")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in (profiles.SERVER, profiles.TOKEN, profiles.PROFILE):
        monkeypatch.delenv(name, raising=False)
    with contract_server() as started:
        started.ready({"rows.json": b"rows", "rows.schema.json": b"{}"})
        started.states = [("running", 50), ("succeeded", 100)]
        started.static["/v1/events"] = b'{"received": 1, "accepted": 1, "rejected": []}'
        yield started


def test_the_examples_of_the_client_run(server: ContractServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Each block is a program of its own; what they print is what they promise."""
    for text in blocks("client.md", "python"):
        assert HERE in text
        exec(compile(text.replace(HERE, server.url), "docs/client.md", "exec"), {})  # noqa: S102 - our own examples
    said = capsys.readouterr().out
    for part in ("50 %", "100 %", "1 rows; go on from", "20 events", "exp_ready", "404 not_found", "1 []"):
        assert part in said
    assert Path("downloads/first/rows.json").read_bytes() == b"rows"


def test_the_examples_of_commands_run(
    server: ContractServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line by line, from the login to the copy; the login writes a profile that all the others use."""
    Path("token.txt").write_text("tok_demo")
    (lines,) = [text for text in blocks("cli.md", "sh") if "tailrace login" in text]
    for line in lines.splitlines():
        words = shlex.split(line.replace(HERE, server.url))[1:]
        monkeypatch.setattr(sys, "argv", ["tailrace", *words])
        assert exits.run(app_for(words, {})) == 0, (line, capsys.readouterr())
    assert {path.name for path in Path().iterdir()} == {"config", "token.txt", "first", "again", "copy"}
    for folder in ("first", "again", "copy"):
        assert Path(folder, "rows.json").read_bytes() == b"rows"


def test_every_method_is_listed() -> None:
    """The table of docs/client.md names each group and method of a client, and no others."""
    page = (DOCS / "client.md").read_text("utf-8")
    listed = {
        group: set(re.findall(r"`(\w+)`", rest))
        for group, rest in re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    }
    with Client("http://x") as client:
        groups = {name: type(group) for name, group in vars(client).items() if hasattr(group, "runner")}
    found = {
        name: {m for m, v in vars(kind).items() if isinstance(v, Method | Listing)} for name, kind in groups.items()
    }
    assert listed == found
