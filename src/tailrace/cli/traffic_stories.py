"""How the demo tells what people do: a story per app, endless, of which a session tells the first few steps.

A step is the part of a native record that the story decides: event, params and, for views, kind and page.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct, field

from tailrace.cli.traffic_catalogue import RATES, REFERRERS, WHOLE_CURRENCIES
from tailrace.cli.traffic_people import Device, Dice, Person

Step = dict[str, Any]
Story = Iterator[Step]


class Visit(Struct):
    """What a story knows while it is told; `page` is the web page in view, `seen` the last screen."""

    host: str
    dice: Dice
    person: Person
    device: Device
    newcomer: bool
    page: dict[str, str] = field(default_factory=dict)
    seen: str = ""
    cart: list[dict[str, Any]] = field(default_factory=list)

    def price(self, dollars: float) -> float:
        """The amount in the person's currency."""
        currency = self.person.place.currency
        return float(round(dollars * RATES[currency], 0 if currency in WHOLE_CURRENCIES else 2))

    def pay(self, dollars: float) -> dict[str, Any]:
        """Remember the money; price and currency as params."""
        self.person.spent += dollars
        return {"price": self.price(dollars), "currency": self.person.place.currency}


Aside = tuple[float, Callable[[Visit], Story]]


def track(event: str, **params: object) -> Step:
    """A plain event."""
    return {"event": event, "params": params}


def view(visit: Visit, name: str, title: str = "") -> Step:
    """A screen comes into view; in a browser it is a page."""
    previous, visit.seen = visit.seen, name
    if visit.device.platform != "web":
        return track("screen_view", screen=name, previous=previous) | {"kind": "screen"}
    referrer = visit.page.get("url") or visit.dice.favour(REFERRERS)
    page = {"id": visit.dice.hexes(12), "url": f"https://{visit.host}/{name}", "title": title or name.capitalize()}
    visit.page = page | ({"referrer": referrer} if referrer else {})
    return track("page_view", path=f"/{name}", load_ms=visit.dice.between(90, 4200)) | {"kind": "page"}


def asides(visit: Visit, table: tuple[Aside, ...]) -> Story:
    """Each of these happens with its own probability, in this order."""
    for share, story in table:
        if visit.dice.chance(share):
            yield from story(visit)


def open_app(visit: Visit) -> Story:
    """How every story begins."""
    dice = visit.dice
    if visit.device.platform != "web":
        yield track(
            "app_open", cold_start=dice.chance(0.7), load_ms=dice.between(240, 3100), from_push=dice.chance(0.2)
        )
    yield view(visit, "home")
