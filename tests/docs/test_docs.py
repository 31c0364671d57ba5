"""The documents do what they say: commands run, examples are read by the readers they are for, lists are complete."""

import json
import re
import shlex
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import BaseModel

from tailrace.accounts.provisioning import read_provisioning
from tailrace.app import SURFACES
from tailrace.cli import exits
from tailrace.cli.app import COMMANDS
from tailrace.cli.demo_store import TOKEN, apps_toml
from tailrace.cli.remote.profiles import ConfigFile
from tailrace.config import SETTINGS_FILE, Settings, load
from tailrace.ingest.files.mapping import parse_map
from tailrace.ingest.protocols.native import draft_records
from tailrace.model.policy import LIMITS, check_limit
from tailrace.surfaces.native import NATIVE
from tailrace.surfaces.native.errors import ERRORS
from tailrace.surfaces.native.parse import parse_export
from tailrace.wiring import initialise, open_house, provision
from tests.contract.described import document
from tests.servers import Server

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Page and text of every block in a language."""
    for page in PAGES:
        for found, text in BLOCK.findall(page.read_text("utf-8")):
            if found == language:
                yield page.name, text


def curl_commands() -> list[str]:
    """The README's blocks that speak to a server."""
    return [text for page, text in blocks("sh") if page == "README.md" and text.startswith("curl ")]


def test_every_block_has_a_language_that_is_tested() -> None:
    """Each fenced block names its language, and there is a test for each language in use."""
    fences = [line for page in PAGES for line in page.read_text("utf-8").splitlines() if line.startswith("```")]
    assert set(fences[::2]) <= {"```sh", "```json", "```toml", "```python", "```js", "```html", "```mermaid", "```"}
    assert set(fences[1::2]) == {"```"}


def test_the_readme_takes_an_event_in_and_gets_an_export_out(tmp_path: Path) -> None:
    """The two curl commands, run as they stand against a store like the demo's, bring the event into a manifest."""
    first, second = curl_commands()
    initialise(tmp_path)
    wanted = tmp_path / "provisioning.toml"
    wanted.write_text(apps_toml())
    with open_house(tmp_path) as house:
        provision(house, read_provisioning(wanted))
    (tmp_path / SETTINGS_FILE).write_text("[seal]\ninterval_ms = 50\n")
    with Server(tmp_path) as server:
        assert curl(first, server) == {"received": 1, "accepted": 1, "rejected": []}
        manifest = exported(second, server)
    assert (manifest["rows"], manifest["window"]["axis"]) == (1, "event_time")


def curl(command: str, server: Server) -> Any:
    """Run one of the README's commands against a server on another port."""
    assert "http://127.0.0.1:8080" in command
    words = shlex.split(command.replace("http://127.0.0.1:8080", server.url))
    done = subprocess.run([*words, "-s"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def exported(command: str, server: Server) -> Any:
    """Ask for the export until it holds the event, which is sealed within a second or so."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        export = curl(command, server)
        path = f"{server.url}/v1/exports/{export['id']}"
        while httpx.get(path, headers=headers).json()["state"] != "succeeded":
            time.sleep(0.02)
        manifest = httpx.get(f"{path}/manifest", headers=headers).json()
        if manifest["rows"]:
            return manifest
    raise AssertionError("the event was never exported")


def test_json_examples_are_json() -> None:
    """Every JSON block parses."""
    found = [json.loads(text) for _, text in blocks("json")]
    assert len(found) >= 4


def test_the_examples_of_requests_are_requests() -> None:
    """The batch and the export request of docs/api.md are read by the real readers, without a word of complaint."""
    examples = [json.loads(text) for page, text in blocks("json") if page == "api.md"]
    batch, request = (next(e for e in examples if key in e) for key in ("batch", "window"))
    raws = [json.dumps(record).encode() for record in batch["batch"]]
    draft = draft_records(raws, None)
    assert (draft.table.num_rows, list(draft.rejected)) == (len(raws), [])
    asked = parse_export(json.dumps(request).encode())
    assert (asked.app, asked.window.axis) == (request["app"], request["window"]["axis"])
    (readme,) = (c for c in curl_commands() if "/v1/exports" in c)
    parse_export(shlex.split(readme)[-1].encode())


def test_toml_examples_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every TOML block is read by the reader that it is for: provisioning, maps, settings, limits, profiles."""
    monkeypatch.delenv("TAILRACE_DATABASE", raising=False)
    read = {"provisioning": 0, "maps": 0, "settings": 0, "profiles": 0}
    for page, text in blocks("toml"):
        if page == "import.md":
            parse_map(text)
            read["maps"] += 1
        elif set(tomllib.loads(text)) <= {"profile", "profiles"}:
            assert msgspec.convert(tomllib.loads(text), ConfigFile).profiles
            read["profiles"] += 1
        elif set(tomllib.loads(text)) <= {"spaces", "limits"}:
            path = tmp_path / "wanted.toml"
            path.write_text(text)
            for name, value in read_provisioning(path).limits.items():
                check_limit(name, value)
            read["provisioning"] += 1
        else:
            (tmp_path / SETTINGS_FILE).write_text(text)
            load(tmp_path)
            read["settings"] += 1
    assert min(read.values()) >= 1, read


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "maps").glob("*.toml")), ids=lambda path: path.name)
def test_example_maps_are_read(path: Path) -> None:
    """The maps that we ship are maps."""
    assert parse_map(path.read_text("utf-8")).text == path.read_text("utf-8")


def test_every_error_code_is_documented() -> None:
    """docs/api.md lists the code of every domain error; the reverse is proved with the golden replies."""
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \| \d{3} \|", page, re.MULTILINE))
    codes = {kind.code for kind in ERRORS}
    assert codes <= documented
    assert documented - codes == {"no_such_path", "method_not_allowed"}


def test_every_command_is_documented() -> None:
    """docs/cli.md has a heading for each command, and for no other."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    names = {name.split()[0] for name in re.findall(r"^### (.+)$", page, re.MULTILINE)}
    assert names == set(COMMANDS)


def test_every_setting_is_documented() -> None:
    """docs/settings.md has a row for each key, with its environment variable and what it is."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| `TAILRACE_(\w+)` \| .* \| (.+) \|$", page, re.MULTILINE)
    assert {key for key, _, _ in rows} == set(setting_keys(Settings()))
    for key, variable, what in rows:
        assert variable == key.replace(".", "__").upper(), key
        assert len(what) > 9, key


def setting_keys(settings: BaseModel, above: str = "") -> Iterator[str]:
    """The names of settings, nested ones with a dot."""
    for name, value in settings:
        if isinstance(value, BaseModel):
            yield from setting_keys(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def test_every_operation_is_documented() -> None:
    """docs/reference.md has each operation of the native API with its scope, its parameters, body and answers; those of
    every other surface stand in some page.
    """
    page = (ROOT / "docs" / "reference.md").read_text("utf-8")
    parts = dict(re.findall(r"^### ([A-Z]+ /\S+)\n(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL))
    operations = {f"{one.method} {one.path}": one for one in NATIVE.operations}
    others = [one for surface in SURFACES if surface is not NATIVE for one in surface.operations]
    texts = "".join(page.read_text("utf-8") for page in PAGES)
    ways = [{f"`{method} {one.path.replace(':path', '')}`" for method in ("GET", one.method)} for one in others]
    assert all(any(name in texts for name in names) for names in ways)
    assert parts.keys() == operations.keys()
    for name, operation in operations.items():
        text = parts[name]
        documents = [operation.body, operation.shows, *(reply.document for reply in operation.replies.values())]
        named = [
            *(f"| {status} | {reply.what}" for status, reply in operation.replies.items()),
            *(f"[{kind.__name__}](#{kind.__name__.lower()})" for kind in documents if kind is not None),
            *(f"| `{field.encode_name}` | query" for field in msgspec.structs.fields(operation.query)),
            *(f"| `{header}` | header" for header in operation.headers),
            *(f"| `{variable}` | path" for variable in re.findall(r"\{(\w+)\}", operation.path)),
            *(str(status) for status in operation.errors),
            *([f"scope `{operation.scope}`"] if operation.scope else []),
        ]
        assert [one for one in named if one not in text] == [], name


def test_every_document_is_documented() -> None:
    """docs/reference.md has each document that operations take or answer, with all its keys."""
    page = (ROOT / "docs" / "reference.md").read_text("utf-8").split("\n## Documents\n")[1]
    parts = dict(re.findall(r"^### (\w+)\n(.*?)(?=^###|\Z)", page, re.MULTILINE | re.DOTALL))
    schemas = document()["components"]["schemas"]
    assert parts.keys() == schemas.keys()
    for name, schema in schemas.items():
        assert re.findall(r"^\| `(\w+)` \|", parts[name], re.MULTILINE) == list(schema["properties"]), name


def test_every_exit_code_is_documented() -> None:
    """docs/cli.md lists the codes of cli/exits.py, and no others."""
    table = (ROOT / "docs" / "cli.md").read_text("utf-8").split("## Exit codes")[1].split("\n## ")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert documented == {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}


def test_every_limit_is_documented() -> None:
    """docs/settings.md lists every policy value, and only those."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([\w.]+)` \| [\d,]+ \|", page, re.MULTILINE)) == set(LIMITS)


def test_commands_in_the_docs_exist() -> None:
    """Each `tailrace …` command that a page shows is one that there is."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    known = {tuple(name.split()) for name in re.findall(r"^### (.+)$", page, re.MULTILINE)}
    shown = [line.split() for _, text in blocks("sh") for line in text.splitlines() if line.startswith("tailrace ")]
    assert shown
    for words in shown:
        assert any(tuple(words[1 : 1 + len(name)]) == name for name in known), words
