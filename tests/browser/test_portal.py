"""The portal in a real browser: the main journeys, with scripts and without, by pointer and by keyboard alone."""

import csv
import gzip
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Download, Page, Request, expect

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.setup import new_setup
from tailrace.wiring import open_house
from tests import sending
from tests.browser.axe import SCHEMES, barriers
from tests.contract.live import WRITE, live
from tests.contract.portal.aftermath import let_expire, postbox
from tests.contract.portal.conftest import ADMIN, Portal, portal
from tests.contract.portal.test_pages import export, pages
from tests.sending import event
from tests.templates import TemplateOf

__all__ = ["export", "portal"]  # fixtures

pytestmark = pytest.mark.browser

MOST_BYTES = 150_000
SIZE = """[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""
# What the browser itself saw move after it was shown; 0.1 is where it begins to be called bad.
SHIFTS = """new Promise(done => {
  let sum = 0
  new PerformanceObserver(list => { for (const entry of list.getEntries()) sum += entry.value })
    .observe({ type: 'layout-shift', buffered: true })
  setTimeout(() => done(sum), 100)
})"""


@dataclass
class Watched:
    """A page with all that it asked for and complained of."""

    page: Page
    url: str
    asked: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    scripts: bool = True

    def __post_init__(self) -> None:
        self.page.set_default_timeout(30_000)
        self.page.on("requestfinished", self._note)
        self.page.on("requestfailed", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)

    def _note(self, request: Request) -> None:
        self.asked.append(request)

    def go(self, path: str) -> int:
        """Open a page; its bytes with those of all that it loads, as they are without a cache."""
        self.page.goto(self.url + path)
        self.page.wait_for_load_state("load")
        return int(self.page.evaluate(SIZE)) if self.scripts else 0

    def sign_in(self, who: tuple[str, str] = ADMIN) -> None:
        """Sign in on the page that asks for it."""
        self.page.get_by_label("E-mail", exact=True).fill(who[0])
        self.page.get_by_label("Password").fill(who[1])
        self.page.get_by_role("button", name="Sign in").click()

    def check(self) -> None:
        """No complaint, such as of the policy, and no request to another host."""
        assert [one for one in self.complaints if "401" not in one] == []
        assert {one.url for one in self.asked if not one.url.startswith(self.url)} == set()


@pytest.fixture
def watched(chromium: Browser, portal: Portal) -> Iterator[Watched]:
    """A browser that was never here."""
    with chromium.new_context(accept_downloads=True, timezone_id="Asia/Tokyo", locale="en-GB") as context:
        found = Watched(context.new_page(), portal.url)
        yield found
        found.check()


def rows_of(downloaded: Download, folder: Path) -> list[dict[str, str]]:
    """The rows of a CSV file that the browser has saved."""
    path = folder / downloaded.suggested_filename
    downloaded.save_as(path)
    return list(csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines()))


def ids(portal: Portal, name: str) -> set[str]:
    """The ids of all events of a name that were sent."""
    return {record["id"] for record in portal.sent if record["event"] == name}


def test_a_request_is_followed_to_its_file(watched: Watched, portal: Portal, tmp_path: Path) -> None:
    """From the form, with a filter by event, to the table, which becomes Ready without a refresh, and the file, which
    holds what was sent. Times are those of the viewer's zone, with UTC beside them.
    """
    page = watched.page
    watched.go("/portal/downloads")
    watched.sign_in()
    page.get_by_role("link", name="+ New Request").first.click()
    page.locator("#app").select_option("app_waves")
    page.get_by_role("button", name="Choose").click()
    page.locator("summary", has_text="Events").click()
    page.get_by_role("checkbox", name=re.compile("Level Up")).check()
    page.get_by_role("button", name="Save").click()
    row = page.locator("#requests tbody tr").first
    expect(row).to_contain_text("Ready", timeout=60_000)
    time = row.locator("time").first
    assert re.search(r"^\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC$", time.get_attribute("title") or "")
    assert "UTC" not in time.inner_text()
    with page.expect_download() as saved:
        row.get_by_role("link", name=re.compile("^Download")).click()
    assert {row["id"] for row in rows_of(saved.value, tmp_path)} == ids(portal, "Level Up")
    row.get_by_role("link").first.click()
    expect(page.locator("#files")).to_contain_text("SHA-256")


def test_mail_leads_to_the_request_until_its_files_are_gone(watched: Watched, portal: Portal, tmp_path: Path) -> None:
    """Mail that was asked for on the form has a link, which opens the page of the request after signing in; what is
    downloaded there is what was sent. When the files have had their time the page says so, and gives none.
    """
    page = watched.page
    with postbox(portal) as box:
        watched.go("/portal/downloads/new?app=app_waves")
        watched.sign_in()
        page.get_by_label("E-mail notification").check()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#requests tbody tr").first).to_contain_text("Ready", timeout=60_000)
        until = time.monotonic() + 30
        while not box.got:
            assert time.monotonic() < until
            time.sleep(0.05)
    ((recipients, message),) = box.got
    assert recipients == [ADMIN[0]]
    body = message.get_body(("plain",))
    assert body is not None
    (link,) = set(re.findall(rf"{portal.url}/portal/downloads/\w+", body.get_content()))
    page.context.clear_cookies()
    page.goto(link)
    watched.sign_in()
    with page.expect_download() as saved:
        page.get_by_role("link", name=re.compile("^Download")).first.click()
    assert {row["id"] for row in rows_of(saved.value, tmp_path)} == {record["id"] for record in portal.sent}
    let_expire(portal, link.rpartition("/")[2])
    page.goto(link)
    expect(page.locator("main")).to_contain_text("Expired")
    assert page.get_by_role("link", name=re.compile("^Download")).count() == 0


def test_without_scripts(chromium: Browser, portal: Portal, tmp_path: Path) -> None:
    """The same without JavaScript: pages ask again by themselves, and nothing is missing but comfort."""
    with chromium.new_context(java_script_enabled=False, accept_downloads=True) as context:
        watched = Watched(context.new_page(), portal.url, scripts=False)
        page = watched.page
        watched.go("/portal/downloads/new?app=app_waves&event=Open")
        watched.sign_in()
        page.get_by_role("button", name="Estimate").click()
        expect(page.locator("#looked")).to_contain_text("Events")
        page.get_by_role("button", name="Save").click()
        row = page.locator("#requests tbody tr").first
        expect(row).to_contain_text("Ready", timeout=60_000)
        assert "UTC" in row.locator("time").first.inner_text()
        with page.expect_download() as saved:
            row.get_by_role("link", name=re.compile("^Download")).click()
        assert {row["id"] for row in rows_of(saved.value, tmp_path)} == ids(portal, "Open")
        watched.go("/portal/explore/app_waves")
        page.get_by_text("As a table").click()
        expect(page.get_by_role("row", name=re.compile("2 6$")).first).to_be_visible()
        watched.check()


def test_by_keyboard_alone(watched: Watched) -> None:
    """Signing in, going to the form and saving a request take no pointer; the first step of Tab skips the ways to
    other pages, and what has the focus can be seen.
    """
    page, press = watched.page, watched.page.keyboard.press
    watched.go("/portal")
    page.keyboard.type(ADMIN[0])  # the first field has the focus
    press("Tab")
    page.keyboard.type(ADMIN[1])
    press("Enter")
    expect(page.get_by_role("heading", name="Apps")).to_be_visible()
    press("Tab")
    focused = page.locator(":focus")
    assert focused.inner_text() == "Skip to the page"
    assert focused.evaluate("e => getComputedStyle(e).outlineStyle") != "none"
    press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for name in ("Data Download", "+ New Request"):
        page.get_by_role("link", name=name).first.focus()
        press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("New Request" if name[0] == "+" else name)
    page.get_by_role("button", name="Save").focus()
    press("Space")
    expect(page.get_by_role("heading", level=1)).to_have_text("Data Download")
    expect(page.locator("#requests tbody tr").first).to_contain_text(re.compile("Queued|Running|Ready"))


def test_pages_are_light(watched: Watched) -> None:
    """Each page takes at most 150 kB with all that it loads, nothing on it moves once it is shown, and none is wider
    than the screen of a desk or a phone. The plot is drawn.
    """
    watched.go("/portal")
    watched.sign_in()
    expect(watched.page.get_by_role("heading", name="Apps")).to_be_visible()
    links = watched.page.locator("nav a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    for path in (
        *links,
        "/portal/explore/app_waves",
        "/portal/downloads/new?app=app_waves",
        "/portal/admin/apps/app_waves",
        "/portal/admin/apps/app_waves/events",
        "/portal/explore/app_waves/people?who=1",
    ):
        watched.page.set_viewport_size({"width": 390, "height": 844})
        size = watched.go(path)
        assert 50_000 < size <= MOST_BYTES, (path, size)
        assert watched.page.evaluate(SHIFTS) < 0.1, path
        for width in (390, 1280):
            watched.page.set_viewport_size({"width": width, "height": 844})
            assert watched.page.evaluate("document.documentElement.scrollWidth") <= width, path
        if path.endswith("explore/app_waves"):
            assert watched.page.locator(".plot canvas").evaluate("c => c.width * c.height") > 10_000


def test_no_page_has_barriers(watched: Watched, portal: Portal, export: str) -> None:
    """On no page does axe find a serious barrier, in light or in dark: not on those that there are, the one for
    strangers, nor on what answers a form. That it would find one is shown by a heading that can hardly be seen.
    """
    page, found = watched.page, list[str]()

    def look(what: str) -> None:
        found.extend(f"{what}, {scheme}: {barrier}" for scheme in SCHEMES for barrier in barriers(page, scheme))

    httpx.post(f"{portal.url}/v1/events", json={"batch": [{"id": "no name"}]}, headers=WRITE).raise_for_status()
    watched.go("/portal")
    look("/portal, signed out")
    watched.sign_in()
    expect(page.get_by_role("heading", name="Apps")).to_be_visible()
    paths = [path for path in pages(export) if not path.endswith("/newest")]  # that one is a piece of another
    for path in paths:
        watched.go(path)
        look(path)
    watched.go("/portal/downloads/new?app=app_waves&event=Open")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#looked table")).to_be_visible()
    look("a preview")
    watched.go("/portal/admin/apps")
    page.get_by_label(re.compile("^Id")).fill("app_waves")  # which is taken
    page.get_by_role("button", name="Make the app").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look("what is refused")
    watched.go("/portal/account")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("status")).to_be_visible()
    look("a new token")
    assert found == []
    page.locator("h1").evaluate("h1 => { h1.style.color = 'var(--line)' }")
    assert [[one.partition(":")[0] for one in barriers(page, scheme)] for scheme in SCHEMES] == [["color-contrast"]] * 2
    watched.complaints = [one for one in watched.complaints if "409" not in one]


def test_from_the_link_to_the_first_event(
    chromium: Browser, template_of: TemplateOf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A new store: the set-up link makes the admin, who makes an app; with the key on its page an event is sent, and
    Explore shows it. The empty pages in between say what to do next.
    """
    data = tmp_path_factory.mktemp("fresh") / "data"
    template_of("sqlite", "empty").copy(data, "")
    with open_house(data) as house, live(house) as http, chromium.new_context() as context:
        watched = Watched(context.new_page(), str(http.base_url).rstrip("/"))
        page, who = watched.page, ("first@example.com", "long enough for this")
        watched.go(f"/setup?token={new_setup(house.database, house.identity)}")
        page.get_by_label("E-mail").fill(who[0])
        page.get_by_label(re.compile("^Password")).fill(who[1])
        page.get_by_role("button").click()
        page.get_by_role("link", name="To the portal").click()
        watched.sign_in(who)
        page.get_by_role("link", name="Make the first app").click()
        page.get_by_label(re.compile("^Id")).fill("shop")
        page.get_by_role("button", name="Make the app").click()
        key = page.locator(".key code").first.inner_text()
        record = event("Bought", house.clock.now() - 1000) | {"session": {"country": "FR"}}
        sent = httpx.post(
            f"{watched.url}/v1/events", json={"batch": [record]}, headers={"authorization": f"Bearer {key}"}
        )
        assert sent.json()["accepted"] == 1, sent.text
        watched.go("/portal/explore/shop")
        expect(page.get_by_text("No session is complete yet")).to_be_visible()
        sending.seal(house, scope_of_app(house.database, "shop"))
        expect(page.locator("#newest")).to_contain_text("Bought", timeout=30_000)  # without a refresh
        page.reload()
        expect(page.locator(".figures")).to_contain_text(re.compile(r"Events, 30 days\s*1\s"))
        watched.check()
