"""The portal over a served store on SQLite: what pages show does not depend on the database, and the walk of all
operations (test_isolation) asks for each page on both.
"""

import html
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.model.clock import DAY
from tailrace.wiring import House, open_house, provision
from tests import sending
from tests.contract.live import WRITE, live
from tests.sending import event
from tests.templates import TemplateOf

ADMIN = ("ana@example.com", "correct horse")
STANDARD = ("sam@example.com", "battery staple")
MORE = f"""
[limits]
"logins.burst" = 0
[[spaces]]
id = "acme"
[[spaces.users]]
email = "{STANDARD[0]}"
role = "standard"
password = "{STANDARD[1]}"
"""
WAIT_S = 60


@dataclass
class Visitor:
    """Somebody in a browser without scripts: follows forms as pages show them."""

    http: httpx.Client
    page: httpx.Response = field(init=False)

    def get(self, path: str, status: int = 200) -> str:
        """Go to a page; what it says."""
        self.page = self.http.get(path)
        assert self.page.status_code == status, (path, self.page.status_code, text_of(self.page.text))
        return text_of(self.page.text)

    def send(self, path: str, form: Mapping[str, Any], status: int = 200) -> str:
        """Send a form of the page that is open, its guard with it; what the page that follows says."""
        guard = re.search(r'name="csrf" value="(\w+)"', self.page.text)
        assert guard, "the page has no form"
        found = self.http.post(path, data={"csrf": guard[1], **form})
        assert found.status_code == status, (path, found.status_code, text_of(found.text))
        self.page = self.http.get(found.headers["location"]) if status == 303 else found
        return text_of(self.page.text)


@dataclass
class Portal:
    """A served store with sessions of the last days."""

    url: str
    house: House
    today: int
    sent: list[dict[str, Any]]
    held: ExitStack

    def visitor(self, who: tuple[str, str] | None = ADMIN) -> Visitor:
        """Somebody new, signed in unless nobody is named."""
        visitor = Visitor(self.held.enter_context(httpx.Client(base_url=self.url, timeout=60)))
        if who is not None:
            answer = visitor.http.post("/portal/login", data={"email": who[0], "password": who[1]})
            assert answer.status_code == 303, answer.text
            visitor.get("/portal/account")
        return visitor

    def ended(self, visitor: Visitor, export: str) -> str:
        """Wait until a request has ended; what its page says."""
        deadline = time.monotonic() + WAIT_S
        while re.search(r"Queued|Running", found := visitor.get(f"/portal/downloads/{export}")):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found


def text_of(page: str) -> str:
    """What a page says, one space between its words."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def traffic(today: int) -> list[dict[str, Any]]:
    """Three days of two versions: three events in each of two sessions a day."""
    records = []
    for day in range(3):
        for n in range(2):
            start = (today - 1 - day) * DAY + 3_600_000 * (n + 1)
            known = {"app_version": f"1.{n}", "country": "DE" if n else "US"}
            for place, name in enumerate(("Open", "Level Up", "Level Up")):
                of: dict[str, Any] = {"device": f"d{n}", "session": f"s{day}{n}", "params": {"level": place}}
                records.append(event(name, start + place * 1000, **of) | {"session": known})
    return records


@pytest.fixture(scope="module")
def portal(template_of: TemplateOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One for all tests of a module; each makes what it changes."""
    folder: Path = tmp_path_factory.mktemp("portal")
    template_of("sqlite", "provisioned").copy(folder / "data", "")
    wanted = folder / "more.toml"
    wanted.write_text(MORE)
    with open_house(folder / "data") as opened:
        house = sending.in_threads(opened)
        provision(house, read_provisioning(wanted))
        house.settings.seal.interval_ms = 3_600_000
        with live(house, exporters=1) as http:
            today = house.clock.now() // DAY
            sent = traffic(today)
            answer = http.post("/v1/events", json={"batch": sent}, headers=WRITE).json()
            assert (answer["accepted"], answer["rejected"]) == (len(sent), []), answer
            sending.seal(house, scope_of_app(house.database, "app_waves"))
            with ExitStack() as held:
                yield Portal(str(http.base_url).rstrip("/"), house, today, sent, held)
