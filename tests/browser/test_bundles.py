"""From the click to the bundle: what a visitor does is in the bundles of the Data Export document."""

import time

import pytest
from playwright.sync_api import BrowserContext

from tailrace.model.clock import DAY
from tailrace.store.ledger import ledger
from tests import sending
from tests.browser.site import Site
from tests.browser.site import served as listening
from tests.contract.fullstory.client import Client
from tests.contract.fullstory.conftest import World
from tests.contract.fullstory.conftest import served as served  # fixtures
from tests.contract.fullstory.conftest import world as world

pytestmark = pytest.mark.browser

APP = "app_waves"
KEY = f"""
[[spaces]]
id = "acme"
[[spaces.tokens]]
value = "key_waves"
user = "arc@example.com"
apps = ["{APP}"]
"""


def test_from_the_click_to_the_bundle(world: World, visitor: BrowserContext) -> None:
    """A page view, a click with its text, who the user is, an event of the page's own and an error, each once, on the
    page where they happened.
    """
    world.at(time.time_ns() // 1_000_000)  # what the browser goes by
    world.apply(KEY)
    with listening(Site(world.url, world.url)) as site:
        site.body = '<button id="buy">Buy now</button>'
        page = visitor.new_page()
        page.goto(f"{site.url}/cart")
        page.get_by_role("button", name="Buy now").click()
        page.evaluate("tailrace.identify('u1', { name: 'Ann', email: 'ann@example.com' })")
        page.evaluate("tailrace.track('Bought', { price: 9.5, currency: 'EUR', gift: true })")
        page.goto("about:blank")
        url = f"{site.url}/cart"
    scope = world.api.scope(APP)
    world.until(lambda: ledger(world.house.database, scope).received >= 6)
    sending.seal(world.house, scope)
    world.at(world.now + 2 * DAY)
    client = Client(world.url, "key_waves")
    client.get("list", start=0)
    world.close()
    world.until(lambda: client.get("list", start=0).status == 200 and not world.making(APP))
    found = [event for _, rows in client.follow() for event in rows]
    assert {event["PageUrl"] for event in found} == {url}
    (click,) = (event for event in found if event["EventType"] == "click")
    assert (click["EventTargetText"], "buy" in click["EventTargetSelectorTok"]) == ("Buy now", True)
    (bought,) = (event for event in found if event.get("EventCustomName") == "Bought")
    assert (bought["evt_price_real"], bought["evt_currency_str"], bought["evt_gift_bool"]) == (9.5, "EUR", True)
    assert (bought["UserAppKey"], bought["UserDisplayName"]) == ("u1", "Ann")
    assert sum(event["EventType"] == "navigate" for event in found) == 1
    assert len({event["PageId"] for event in found}) == 1
