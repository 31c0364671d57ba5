"""tailrace.js in a real browser: from what a visitor does to what is exported, and what never leaves the page."""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page

from tailrace.model.access import Scope
from tailrace.store.ledger import ledger
from tailrace.wiring import House
from tests.browser.conftest import AGENT
from tests.browser.site import DOCS, Site, block, served
from tests.contract.live import live
from tests.faults import lost_answer, proxy_before, reset, says
from tests.sending import Row, export, request, seal
from tests.servers import free_port

pytestmark = pytest.mark.browser

SECRET = "q-5ecret"
WAIT_S = 30
WAIT = (("access-control-allow-origin", "*"), ("retry-after", "1"))
STORED = "Object.keys(localStorage).filter((key) => key.startsWith('tailrace:'))"
OLD = """for (const key of Object.keys(localStorage).filter((key) => /^tailrace:wk_waves:\\d/.test(key)).slice(-9)) {
    const old = key.replace(/\\d{13}/, (time) => time - 15 * 86400000)
    localStorage.setItem(old, localStorage.getItem(key).replace(/"messageId":"/, '$&old'))
}"""
WAITING = "Object.keys(localStorage).filter((key) => /^tailrace:wk_waves:\\d/.test(key)).length"


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on the database."""
    name: str = request.param
    return name


@dataclass
class World:
    """A server, and a site of another origin with a visitor."""

    house: House
    scope: Scope
    site: Site
    page: Page

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """A visit during which nothing gets to the server; it ends with the block."""
        attributes, endpoint = self.site.attributes, self.site.endpoint
        self.site.endpoint = f"http://127.0.0.1:{free_port()}"
        self.site.attributes = f'data-endpoint="{self.site.endpoint}"'
        yield
        self.page.goto("about:blank")
        self.site.attributes, self.site.endpoint = attributes, endpoint

    def received(self, least: int) -> None:
        """Wait until the server has taken so many records."""
        until(lambda: ledger(self.house.database, self.scope).received >= least)

    def rows(self, least: int) -> list[Row]:
        """What comes out once there are so many events, in the order of their times; each id comes once. Duplicates are
        received too, so that it takes a look at what comes out to know.
        """
        self.received(least)
        found: list[Row] = []

        def there() -> bool:
            seal(self.house, self.scope)
            found[:] = export(self.house, self.scope, request(self.scope))[1]
            return len(found) >= least

        until(there)
        assert len({row["id"] for row in found}) == len(found)
        assert ledger(self.house.database, self.scope).holds
        return sorted(found, key=lambda row: str(row["time"]))


@pytest.fixture
def world(house: House, scope: Scope, visitor: BrowserContext) -> Iterator[World]:
    """All of it, up and running."""
    with live(house) as client:
        server = str(client.base_url).rstrip("/")
        with served(Site(server, server)) as site:
            yield World(house, scope, site, visitor.new_page())


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that will be."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def shown(rows: Sequence[Row], *names: str) -> list[tuple[object, ...]]:
    """Columns of rows, sorted by what is in them."""
    return sorted((tuple(row.get(name) for name in names) for row in rows), key=str)


def test_what_a_visitor_does_is_exported(world: World) -> None:
    """Page views, also by history, clicks, load times, errors, events of the app and its user come out once each, on
    the page view where they happened, on a site that allows nothing but this script; no query, fragment or typed text
    leaves the page, not even in the message of an error.
    """
    world.site.body = """<main id="shop"><a class="nav top">Home</a><button>Buy <b>now</b></button>
        <label>Card <input id="card"></label><button class="bad">Break</button></main>"""
    world.site.code = f"""document.querySelectorAll('button').forEach((button) => (button.onclick = () => {{
        button.append('!')
        if (button.className) throw new Error('broken at http://example.com/a?{SECRET}=1 here')
    }}))"""
    page, place = world.page, f"{world.site.url}/shop"
    violations: list[str] = []
    page.on("console", lambda said: violations.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"{place}/cart?token={SECRET}#{SECRET}")
    page.get_by_role("button", name="Buy now").click()
    page.get_by_label("Card").fill(f"{SECRET} 1")
    page.get_by_label("Card").click()
    page.evaluate("tailrace.identify('u1', { name: 'Ann', plan: 'pro' })")
    page.evaluate("tailrace.track('Bought', { price: 9.5, tags: ['ü'] })")
    page.evaluate(f"history.pushState({{}}, '', '/shop/thanks?order={SECRET}')")
    page.get_by_role("button", name="Break").click()
    page.goto("about:blank")
    rows = world.rows(11)
    first, second = f"{place}/cart", f"{place}/thanks"
    assert shown(rows, "event", "kind", "page_url") == sorted(
        [
            ("Page Viewed", "page", first),
            ("Page Loaded", "load", first),
            ("Click", "click", first),
            ("Click", "click", first),
            ("identify", "identify", first),
            ("Bought", None, first),
            ("Page Left", None, first),
            ("Page Viewed", "page", second),
            ("Click", "click", second),
            ("Error", "error", second),
            ("Page Left", None, second),
        ],
        key=str,
    )
    known = [row for row in rows if row["event"] in ("identify", "Bought", "Page Left") or row["page_url"] == second]
    assert {row.get("user_id") for row in known} == {"u1"}
    assert {row.get("user_id") for row in rows if row not in known and row["event"] != "Page Loaded"} == {None}
    assert {row["event"] for row in rows} == {
        "Bought",
        *re.findall(r"^\| [^|]+ \| `([A-Z][\w ]+|identify)` \|", DOCS, re.M),
    }
    assert shown([row for row in rows if row["event"] == "Click"], "element_text", "element_selector") == [
        ("Break", "html body main #shop button .bad"),
        ("Buy now", "html body main #shop button"),
        (None, "html body main #shop label input #card"),
    ]
    found = {row["event"]: row for row in rows}
    assert found["Bought"]["params"] == {"price": 9.5, "tags": ["ü"]}
    assert found["identify"]["profile"] == {"name": "Ann", "attributes": {"plan": "pro"}}
    error, broken = found["Error"], next(row for row in rows if row.get("signal_error"))
    assert error["params"]["message"] == "Uncaught Error: broken at http://example.com/a here"
    assert (error["params"]["source"], error["page_errors"]) == (f"{world.site.url}/page.js", 1)
    assert broken["element_text"] == "Break"
    assert [row["event"] for row in rows if row.get("signal_dead") or row.get("signal_frustrated")] == []
    load = found["Page Loaded"]
    assert 0 < load["page_dom_content_ms"] <= load["page_load_ms"]
    assert load["page_first_paint_ms"] > 0
    about_pages(rows, first, second)
    about_the_browser(rows)
    assert SECRET not in json.dumps(rows)
    assert violations == []


def about_pages(rows: Sequence[Row], first: str, second: str) -> None:
    """Two page views of two ids, the second led to by the first; times on them only grow."""
    views = {url: [row for row in rows if row["page_url"] == url] for url in (first, second)}
    ids = {url: {row["page_id"] for row in of} for url, of in views.items()}
    assert [len(of) for of in ids.values()] == [1, 1]
    assert ids[first] != ids[second]
    assert {row.get("page_referrer") for row in views[first]} == {None}
    assert {row.get("page_referrer") for row in views[second]} == {first}
    for of in views.values():
        left = next(row for row in of if row["event"] == "Page Left")
        assert left["page_duration_ms"] == max(row["page_duration_ms"] for row in of)
        assert 0 < left["page_active_ms"] == max(row["page_active_ms"] for row in of) <= left["page_duration_ms"]
        assert {row["page_title"] for row in of} == {"Shop"}


def about_the_browser(rows: Sequence[Row]) -> None:
    """One device in one session, known as what it is."""
    assert len({(row["device_id"], row["session_id"]) for row in rows}) == 1
    wanted = {
        "platform": "web",
        "browser_name": "Chrome",
        "browser_version": "156.0.0.0",
        "os_name": "Linux",
        "device_type": "desktop",
        "user_agent": AGENT,
        "locale": "en-US",
        "timezone": "Europe/Berlin",
        "sdk_name": "tailrace.js",
        "ip": "127.0.0.0",
    }
    assert [{name: row.get(name) for name in wanted} for row in rows] == [wanted] * len(rows)


def test_the_documented_calls(world: World) -> None:
    """The calls of the documentation: an event, whose it is from then on, here and on later pages, and that it is
    nobody's again: another device then. A second script on the page does nothing.
    """
    calls, before = block("js").rsplit("\n", 2)[0], "tailrace.track('Before')"
    world.site.title += world.site.tag
    world.page.goto(world.site.url)
    world.page.evaluate(calls)
    world.page.goto(f"{world.site.url}/next")
    world.page.evaluate(before)
    world.page.evaluate("tailrace.reset()")
    world.page.evaluate("tailrace.track('After')")
    world.page.goto("about:blank")
    found = world.rows(10)
    assert [row["event"] for row in found].count("Page Viewed") == 2
    rows = [row for row in found if not row["event"].startswith("Page ")]
    assert shown(rows, "event", "user_id", "params") == [
        ("After", None, None),
        ("Before", "user-1", None),
        ("Level Up", None, {"level": 7}),
        ("identify", "user-1", {"name": "Ann", "plan": "pro"}),
    ]
    devices = {row["event"]: row["device_id"] for row in rows}
    assert devices["After"] != devices["Before"] == devices["Level Up"] == devices["identify"]


def test_what_is_private_stays_on_the_page(world: World) -> None:
    """Of a private element and what is in it there are neither text nor values of the selector; its text is missing
    from elements around it, and so is all that was typed or can be chosen. A private title is not sent.
    """
    world.site.title = f"<title data-tailrace-private>{SECRET}</title>"
    world.site.body = f"""<main class="a-b c%d">
        <section id="{SECRET}" class="{SECRET}" data-tailrace-private><button id="{SECRET}">{SECRET}</button></section>
        <button id="buy">Buy <i data-tailrace-private>{SECRET}</i> now<textarea hidden>{SECRET}</textarea></button>
        <div contenteditable="true" id="note"><p>{SECRET}</p></div>
        <select id="pick"><option>{SECRET}</option></select></main>"""
    world.page.goto(world.site.url)
    for element in ("section button", "#buy", "#note p", "#pick"):
        world.page.locator(element).click()
    world.page.goto("about:blank")
    rows = world.rows(7)
    main = "html body main .a-b .c%25d"
    assert shown([row for row in rows if row["event"] == "Click"], "element_text", "element_selector") == [
        ("Buy now", f"{main} button #buy"),
        (None, f"{main} div #note"),
        (None, f"{main} section button"),
        (None, f"{main} select #pick"),
    ]
    assert SECRET not in json.dumps(rows)


def test_queries_and_fragments_are_sent_where_asked(world: World, visitor: BrowserContext) -> None:
    """With data-query addresses are whole, and a change of the query alone is a page view. All is sent where nothing
    may be stored, too.
    """
    forbidden = "{ get: () => { throw new DOMException('no', 'SecurityError') } }"
    visitor.add_init_script(f"Object.defineProperty(window, 'localStorage', {forbidden})")
    world.site.attributes = "data-query"
    world.page.goto(f"{world.site.url}/a?b=1#c")
    world.page.evaluate("history.replaceState({}, '', '?b=2')")
    world.page.goto("about:blank")
    viewed = [row for row in world.rows(5) if row["event"] == "Page Viewed"]
    assert shown(viewed, "page_url", "page_referrer") == [
        (f"{world.site.url}/a?b=1#c", None),
        (f"{world.site.url}/a?b=2", f"{world.site.url}/a?b=1#c"),
    ]


def test_rage_and_dead_clicks(world: World) -> None:
    """Clicks that do nothing are dead, and from the third in a row on frustrated; one that changes the page is neither,
    and the browser's own elements are never dead.
    """
    world.site.body = """<p id="dead">Nothing</p><button id="live">Something</button><a id="link" href="#here">Go</a>"""
    world.site.code = "document.querySelector('#live').onclick = (event) => event.target.append('!')"
    world.page.goto(world.site.url)
    world.page.locator("#live").click()
    world.page.locator("#link").click()
    world.page.locator("#dead").click(click_count=4)
    world.received(8)  # what is dead is known only after a while, and sent after another
    world.page.goto("about:blank")
    clicks = [row for row in world.rows(9) if row["event"] == "Click"]
    assert shown(clicks, "element_text", "signal_dead", "signal_frustrated") == [
        ("Go", None, None),
        ("Nothing", 1, 1),
        ("Nothing", 1, 2),
        ("Nothing", 1, None),
        ("Nothing", 1, None),
        ("Something", None, None),
    ]


@pytest.mark.parametrize(("name", "value"), [("doNotTrack", "'1'"), ("globalPrivacyControl", "true")])
def test_nothing_is_sent_or_kept_of_who_does_not_want_it(
    world: World, visitor: BrowserContext, name: str, value: str
) -> None:
    """With Do Not Track or Global Privacy Control nothing is sent, what an earlier visit left is deleted, and calls of
    the page do nothing.
    """
    world.site.body = "<p>Nothing</p>"
    batches: list[str] = []
    visitor.on("request", lambda asked: batches.append(asked.url) if "/v1/" in asked.url else None)
    with world.cut_off():
        world.page.goto(world.site.url)
        assert len(world.page.evaluate(STORED)) > 1
    visitor.add_init_script(f"Object.defineProperty(Navigator.prototype, '{name}', {{ get: () => {value} }})")
    batches.clear()
    world.page.goto(world.site.url)
    world.page.evaluate("tailrace.track('A'); tailrace.identify('u1'); tailrace.reset()")
    world.page.locator("p").click()
    assert world.page.evaluate(STORED) == []
    world.page.goto("about:blank")
    assert batches == []
    assert ledger(world.house.database, world.scope).received == 0


def test_an_event_whose_answer_is_lost_is_stored_once(world: World) -> None:
    """Answers are lost after events were stored, connections break before, and the server asks to wait: all is sent
    again until it is acknowledged, and comes out once; in the end nothing waits.
    """
    with proxy_before(world.site.server) as proxy:
        world.site.attributes = f'data-endpoint="{proxy.endpoint}"'
        world.site.endpoint = proxy.endpoint
        proxy.plan(lost_answer, "POST", "/v1/batch")
        proxy.plan(reset, "POST", "/v1/batch")
        proxy.plan(says(503, *WAIT), "POST", "/v1/batch")
        world.page.goto(world.site.url)
        world.page.evaluate("tailrace.track('A')")
        until(lambda: world.page.evaluate(WAITING) == 0)
        assert proxy.spent
        world.page.goto("about:blank")
        rows = world.rows(4)
    assert [row["event"] for row in rows if row["event"] != "Page Loaded"] == ["Page Viewed", "A", "Page Left"]
    assert ledger(world.house.database, world.scope).duplicates >= 2


def test_what_could_not_be_sent_is_sent_by_the_next_page(world: World) -> None:
    """While nothing gets through, the newest 500 events wait in the browser, past the end of their page; the next page
    sends them, each once, with the times that they had. What has waited for more than two weeks is given up.
    """
    with world.cut_off():
        world.page.goto(world.site.url)
        world.page.evaluate("for (let n = 0; n < 600; n++) tailrace.track('A', { n })")
        assert world.page.evaluate(WAITING) == 500
        world.page.evaluate(OLD)
        assert world.page.evaluate(WAITING) == 509
    world.page.goto(world.site.url)
    until(lambda: world.page.evaluate(WAITING) == 0)
    world.page.goto("about:blank")
    rows = world.rows(500)
    numbers = [row["params"]["n"] for row in rows if row["event"] == "A"]
    assert sorted(numbers) == list(range(600 - len(numbers), 600))
    assert len(numbers) > 490
    assert [row["id"] for row in rows if row["id"].startswith("old")] == []
    first = next(row for row in rows if row["event"] == "Page Left")
    assert {row["page_id"] for row in rows if row["event"] == "A"} == {first["page_id"]}
