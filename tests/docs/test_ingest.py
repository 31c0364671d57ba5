"""docs/ingest.md: its set-ups of SDKs run as they stand, its tables say what the code does."""

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tailrace.ingest.protocols import PROTOCOLS
from tailrace.ingest.protocols.countly import device, reading
from tailrace.ingest.protocols.segment import contexts, pages, traits
from tailrace.model.access import Scope
from tailrace.store.ledger import ledger
from tailrace.wiring import House
from tests import sdk
from tests.contract.live import live
from tests.sending import export, request, seal

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "ingest.md").read_text("utf-8")
HOST, KEY = "http://127.0.0.1:8080", "wk_demo_puzzle"


def curl(command: str) -> None:
    """Run a command of the page as it would be pasted into a shell."""
    assert command.startswith("curl ")
    text = command.replace("curl ", "curl -sSf ", 1)
    subprocess.run(["/bin/sh", "-ec", text], capture_output=True, check=True, timeout=60)


RUN: Mapping[str, Callable[[str], object]] = {
    "python": lambda text: sdk.run("python", text),
    "js": lambda text: sdk.run("node", text),
    "sh": curl,
}


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on the database."""
    name: str = request.param
    return name


@pytest.mark.parametrize("language", RUN)
def test_each_set_up_sends_its_event(house: House, scope: Scope, language: str) -> None:
    """Each block, with another address and key, is a whole program whose events come out under the names in it."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert blocks
    with live(house) as client:
        for text in blocks:
            assert HOST in text
            assert KEY in text
            before = ledger(house.database, scope)
            RUN[language](text.replace(HOST, str(client.base_url).rstrip("/")).replace(KEY, "wk_waves"))
            after = ledger(house.database, scope)
            assert (after.accepted > before.accepted, after.dead_letters) == (True, 0), text
    seal(house, scope)
    _, rows = export(house, scope, request(scope))
    assert all(any(row["event"] in text for text in blocks) for row in rows)


def test_every_protocol_has_a_section() -> None:
    """The list at the top leads to a section for each protocol, which says what its identity is."""
    sections = {title.lower(): text for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)}
    for name in PROTOCOLS:
        (title,) = (title for title in sections if name in re.split(r"\W+", title))
        assert f"(#{title.replace(' ', '-')})" in PAGE
        assert re.search(r"\bidentity\b", sections[title], re.IGNORECASE), name


def test_the_table_of_the_context_is_the_codes() -> None:
    """Each member of a context or of traits that the code gives a field stands in a row with that field."""
    rows = [re.findall(r"`([\w.]+)`", line) for line in PAGE.splitlines() if line.startswith("| `")]
    inner = {**contexts.INNER, **pages.TEXTS, **pages.NUMBERS}
    members = {field: ".".join(place) for field, place in inner.items()}
    for field, member in members.items() | contexts.PLAIN.items() | traits.PLAIN.items():
        assert any(member in row and field in row[row.index(member) + 1 :] for row in rows), (member, field)


def test_the_tables_of_metrics_and_users_are_the_codes() -> None:
    """Each metric, member or detail of a user that the code gives a field stands in a row with that field."""
    rows = [re.findall(r"`([\w.]+)`", line) for line in PAGE.splitlines() if line.startswith("| `")]
    for member, field in device.METRICS.items() | device.COMMON.items() | reading.DETAILS.items():
        assert any(member in row and field in row[row.index(member) + 1 :] for row in rows), (member, field)
