"""Writes a screenshot of every page of the portal, with demo data, at desktop and phone width, in light and dark.

Run by scripts/screens. The store, the server's log and the pictures are in the folder that the argument names.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import httpx
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tailrace.accounts.lookup import all_scopes
from tailrace.accounts.provisioning import read_provisioning
from tailrace.cli.demo_store import EMAIL, PASSWORD, TOKEN, apps_toml
from tailrace.cli.traffic import APPS, batches
from tailrace.ingest.sealing import seal_everything
from tailrace.model.clock import DAY, SystemClock, iso
from tailrace.wiring import initialise, open_house, provision

APP = APPS[0].id
WIDTHS: Mapping[str, tuple[int, int]] = {"desktop": (1280, 900), "phone": (390, 844)}
Scheme = Literal["light", "dark"]
SCHEMES: Sequence[Scheme] = ("light", "dark")
READY_S = 180


@dataclass(frozen=True)
class Demo:
    """A served store with data: where it is, an export that has ended, and a user's id."""

    url: str
    export: str

    @property
    def pages(self) -> Mapping[str, str]:
        """The path of each page by the name of its picture."""
        return {
            "home": "/portal",
            "downloads": "/portal/downloads",
            "new-request": f"/portal/downloads/new?app={APP}",
            "job": f"/portal/downloads/{self.export}",
            "explore": f"/portal/explore/{APP}",
            "explore-empty": "/portal/explore/demo_data",
            "dead-letters": f"/portal/explore/{APP}/dead-letters",
            "people": f"/portal/explore/{APP}/people",
            "person": f"/portal/explore/{APP}/people?who=1",
            "apps": "/portal/admin/apps",
            "app": f"/portal/admin/apps/{APP}",
            "events": f"/portal/admin/apps/{APP}/events",
            "users": "/portal/admin/users",
            "user": "/portal/admin/users/usr_1",
            "account": "/portal/account",
            "destinations": "/portal/admin/destinations",
            "limits": "/portal/admin/limits",
            "audit": "/portal/admin/audit",
            "health": "/portal/admin/health",
            "settings": "/portal/admin/settings",
            "not-found": "/portal/downloads/exp_absent",
        }


def main(folder: Path) -> None:
    """Make a store, serve it, and look at every page."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    data = folder / "data"
    make_store(data, folder)
    with served(data, folder / "server.log") as url, sync_playwright() as playwright:
        demo = Demo(url, ask(url))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width in WIDTHS:
            for scheme in SCHEMES:
                look(browser, demo, folder, width, scheme)
        browser.close()


def make_store(data: Path, folder: Path) -> None:
    """The store of the demo with thirty days of traffic, a few more users and a dead letter."""
    initialise(data)
    wanted = folder / "provisioning.toml"
    people = '[[spaces.users]]\nemail = "{}"\nrole = "{}"\n'
    more = people.format("ana.architect@example.com", "architect") + people.format("sam@example.com", "standard")
    wanted.write_text(apps_toml().replace("[limits]", f"{more}[limits]"))
    with open_house(data) as house:
        provision(house, read_provisioning(wanted))


def send(url: str) -> None:
    """Traffic as SDKs send it, and records that cannot be taken."""
    now = SystemClock().now()
    with httpx.Client(base_url=url, timeout=60) as http:
        for app in APPS:
            for batch in islice(batches(app, until_ms=now), None if app is APPS[0] else 2):
                http.post("/v1/events", json={"batch": batch}, headers=bearer(app.write_key)).raise_for_status()
        bad = [{"id": f"bad-{n}", "time": iso(now - n * DAY), "device_id": "d1", "score": n} for n in range(3)]
        bad.append({"event": "Level Up", "time": "yesterday", "device_id": "d2"})
        http.post("/v1/events", content=json.dumps({"batch": bad}), headers=bearer(APPS[0].write_key))


def seal(data: Path) -> None:
    """Close every session, as if everybody had gone."""
    with open_house(data) as house:
        list(seal_everything(house.sealer(), all_scopes(house.database), house.holder, close_all=True))


def ask(url: str) -> str:
    """Exports of several kinds; the id of one that has ended with several files."""
    today = SystemClock().now() // DAY * DAY
    window = {"axis": "session_start", "from": iso(today - 6 * DAY), "to": iso(today + DAY)}
    with httpx.Client(base_url=url, headers=bearer(TOKEN), timeout=60) as http:
        first = http.post("/v1/exports", json={"app": APP, "window": window, "shape": "tables", "format": "csv"}).json()
        for format_ in ("json", "parquet"):
            http.post("/v1/exports", json={"app": APPS[1].id, "window": {"axis": "available"}, "format": format_})
        future = {"axis": "event_time", "from": iso(today), "to": iso(today + DAY)}
        waiting = {"app": APP, "window": future, "wait_until_complete": True}
        http.post("/v1/exports", json=waiting)
        cancelled = http.post("/v1/exports", json=waiting).json()["id"]
        http.delete(f"/v1/exports/{cancelled}")
        http.get(f"/v1/exports/{first['id']}", params={"wait": 30})
    found: str = first["id"]
    return found


def look(browser: Browser, demo: Demo, folder: Path, width: str, scheme: Scheme) -> None:
    """Every page at a width in a scheme."""
    size = ViewportSize(width=WIDTHS[width][0], height=WIDTHS[width][1])
    context = browser.new_context(viewport=size, color_scheme=scheme, timezone_id="Europe/Berlin", locale="en-GB")
    page = context.new_page()
    page.goto(f"{demo.url}/portal")
    picture(page, folder, "login", width, scheme)
    page.get_by_label("E-mail", exact=True).fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    for name, path in demo.pages.items():
        page.goto(demo.url + path)
        picture(page, folder, name, width, scheme)
    page.goto(f"{demo.url}/portal/downloads/new?app={APP}&event=level_complete")
    page.get_by_text("App versions").first.click()
    page.get_by_role("button", name="Preview").click()
    picture(page, folder, "preview", width, scheme)
    page.get_by_label("Days, in UTC").select_option("custom")
    page.get_by_label("First day").fill("2026-01-01")
    page.get_by_label("Last day").fill("2026-06-30")
    page.get_by_role("button", name="Save").click()
    picture(page, folder, "refused", width, scheme)
    page.goto(f"{demo.url}/portal/account")
    page.get_by_role("button", name=re.compile("Make a token")).click()
    picture(page, folder, "token", width, scheme)
    context.close()


def picture(page: Page, folder: Path, name: str, width: str, scheme: str) -> None:
    """The whole page."""
    page.wait_for_load_state("load")
    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)


def bearer(credential: str) -> dict[str, str]:
    """The header of a credential."""
    return {"authorization": f"Bearer {credential}"}


@contextmanager
def served(data: Path, log: Path) -> Iterator[str]:
    """The URL of a server over the store, with its data sent and sealed."""
    command = [sys.executable, "-m", "tailrace", "serve", "--data", str(data), "--port", "18765"]
    url = "http://127.0.0.1:18765"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + READY_S
        while not answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the server did not start; see {log}")
            time.sleep(0.1)
        send(url)
        seal(data)
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    """Whether the server is there."""
    try:
        return httpx.get(f"{url}/livez").is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
