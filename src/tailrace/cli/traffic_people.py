"""The people of the demo: who they are and what they carry; and the dice that everything is drawn with."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct

from tailrace.cli.traffic_catalogue import HABITS, MODELS, NAMES, PLACES, SDKS, Habits, Place

T = TypeVar("T")


class Dice:
    """Single draws at the price of a list item: numpy's scalar calls would cost more than the records themselves."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.unit: Callable[[], float] = _units(rng).__next__

    def chance(self, share: float) -> bool:
        """True in `share` of all draws."""
        return self.unit() < share

    def between(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        return low + int(self.unit() * (high - low + 1))

    def amount(self, low: float, high: float, digits: int = 2) -> float:
        """A number rounded to `digits` decimals."""
        return round(low + self.unit() * (high - low), digits)

    def pick(self, items: Sequence[T]) -> T:
        """Each item equally often."""
        return items[int(self.unit() * len(items))]

    def favour(self, items: Sequence[T]) -> T:
        """The earlier an item stands, the more often it comes."""
        return items[int(self.unit() ** 2 * len(items))]

    def hexes(self, digits: int) -> str:
        """`digits` hexadecimal digits."""
        return "".join(f"{int(self.unit() * 16**8):08x}" for _ in range(-(-digits // 8)))[:digits]

    def uuid(self) -> str:
        """A text of the form of a UUID."""
        text = self.hexes(32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _units(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield from rng.random(4096).tolist()


class Device(Struct, frozen=True):
    """What someone carries; `lag_days` is how long an app update waits on it, `facts` what every session repeats."""

    id: str
    platform: str
    lag_days: float
    ids: dict[str, str]
    facts: dict[str, Any]


class Person(Struct):
    """One end user; `level`, `visits` and `spent` (US dollars) grow as the story is told."""

    user_id: str
    registered: bool
    newcomer: bool
    name: str
    gender: str
    birth_year: int
    place: Place
    devices: tuple[Device, ...]
    level: int
    visits: int = 0
    spent: float = 0.0


def people(kind: str, count: int, dice: Dice) -> list[Person]:
    """The first `count` people of an app; a longer list begins with the same ones."""
    return [_person(kind, number, dice) for number in range(count)]


def _person(kind: str, number: int, dice: Dice) -> Person:
    newcomer = dice.chance(0.45)
    return Person(
        user_id=f"user_{number + 1:05d}",
        registered=number % 4 != 3,
        newcomer=newcomer,
        name=dice.pick(NAMES),
        gender=dice.favour(("female", "male", "other")),
        birth_year=dice.between(1955, 2008),
        place=dice.favour(PLACES),
        devices=tuple(_device(HABITS[kind], dice) for _ in range(2 if dice.chance(0.15) else 1)),
        level=1 if newcomer else dice.between(2, 120),
    )


def _device(habits: Habits, dice: Dice) -> Device:
    platform = dice.favour(habits.platforms)
    ids = _device_ids(platform, dice)
    lag_days = 0.0 if platform == "web" else 8 * dice.unit() ** 2
    return Device(next(iter(ids.values())), platform, lag_days, ids, _facts(platform, dice))


def _device_ids(platform: str, dice: Dice) -> dict[str, str]:
    """The device's own id first; advertising ids only where the person allowed them."""
    if platform == "web":
        return {"cookie": dice.uuid()}
    own, advertising = ("idfv", "idfa") if platform == "ios" else ("android_id", "gaid")
    ids = {own: dice.uuid().upper() if platform == "ios" else dice.hexes(16)}
    return ids | {advertising: dice.uuid()} if dice.chance(0.4) else ids


def _facts(platform: str, dice: Dice) -> dict[str, Any]:
    model = dice.favour(MODELS[platform])
    browser_version = dice.favour(model.browser_versions)
    facts = {
        "sdk_name": SDKS[platform][0],
        "sdk_version": SDKS[platform][1],
        "platform": platform,
        "os_name": model.os_name,
        "os_version": dice.favour(model.os_versions),
        "device_model": model.model,
        "device_submodel": model.submodel,
        "device_manufacturer": model.maker,
        "device_type": model.type,
        "screen_resolution": model.screen,
        "browser_name": model.browser,
        "browser_version": browser_version,
        "user_agent": model.user_agent.format(browser=browser_version),
    }
    return {key: value for key, value in facts.items() if value}
