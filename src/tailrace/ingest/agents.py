"""User agents of browsers: what they say of browser, system and device, for senders that say nothing else of them."""

import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

_MOST = 512  # characters that are looked at: none of a browser is longer, and others shall not cost more
_Marks = Sequence[tuple[str, "re.Pattern[str]"]]


def _marks(*marks: tuple[str, str]) -> _Marks:
    return [(name, re.compile(mark)) for name, mark in marks]


# The first mark that is found counts: most browsers also call themselves by the names of those below them.
_BROWSERS = _marks(
    ("Microsoft Edge", r"\bEdg(?:e|A|iOS)?/([\d.]+)"),
    ("Opera", r"\b(?:OPR|Opera)[/ ]([\d.]+)"),
    ("Yandex", r"\bYaBrowser/([\d.]+)"),
    ("Samsung Internet", r"\bSamsungBrowser/([\d.]+)"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/([\d.]+)"),
    ("Chrome", r"\b(?:Chrome|CriOS|Chromium)/([\d.]+)"),
    ("Internet Explorer", r"\b(?:MSIE |Trident/.*\brv:)([\d.]+)"),
    ("Safari", r"\bVersion/([\d.]+).*\bSafari/"),
)
_SYSTEMS = _marks(
    ("Windows Phone", r"Windows Phone"),
    ("Windows", r"Windows"),
    ("Android", r"Android"),
    ("iOS", r"\b(?:iPhone|iPad|iPod)\b"),
    ("Chrome OS", r"\bCrOS\b"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux"),
)
_DEVICES = _marks(
    ("tablet", r"\biPad\b|Tablet|Android(?!.*Mobile)"),
    ("mobile", r"Mobi"),
    ("desktop", r"Windows|Macintosh|\bCrOS\b|Linux"),
)


class Agent(Struct, frozen=True):
    """What a user agent says, under the names of the session's fields; None where nothing is recognised.

    Versions of systems are not read: today's browsers write the same one everywhere. An iPad that asks for the pages of
    desktops cannot be told from one.
    """

    browser_name: str | None
    browser_version: str | None
    os_name: str | None
    device_type: str | None


def agent_of(user_agent: str) -> Agent:
    """What the user agent of a browser says."""
    return _agent_of(user_agent[:_MOST])


@lru_cache(maxsize=1024)
def _agent_of(user_agent: str) -> Agent:
    browser, version = _first(_BROWSERS, user_agent)
    system, _ = _first(_SYSTEMS, user_agent)
    device, _ = _first(_DEVICES, user_agent)
    return Agent(browser, version, system, device)


def _first(marks: _Marks, user_agent: str) -> tuple[str | None, str | None]:
    """The name of the first mark that is found, and what it captured."""
    for name, mark in marks:
        if found := mark.search(user_agent):
            return name, found[1] if mark.groups else None
    return None, None
