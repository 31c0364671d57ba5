"""User agents: what browsers say of themselves is known by its shortest sign."""

from collections.abc import Mapping

import pytest

from tailrace.ingest.agents import Agent, agent_of

# As browsers of these makes send them, without what is the same in all.
_SAID: Mapping[str, Agent] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87": (
        Agent("Microsoft Edge", "126.0.2592.87", "Windows", "desktop")
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15": (
        Agent("Safari", "17.5", "macOS", "desktop")
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1": (
        Agent("Safari", "17.5", "iOS", "mobile")
    ),
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 CriOS/126.0 Mobile/15E148 Safari/604.1": (
        Agent("Chrome", "126.0", "iOS", "tablet")
    ),
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36": (
        Agent("Chrome", "126.0.0.0", "Android", "mobile")
    ),
    "Mozilla/5.0 (Linux; Android 13; SM-X900) SamsungBrowser/25.0 Chrome/121.0.0.0 Safari/537.36": (
        Agent("Samsung Internet", "25.0", "Android", "tablet")
    ),
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0": (
        Agent("Firefox", "127.0", "Linux", "desktop")
    ),
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 OPR/111.0": (
        Agent("Opera", "111.0", "Chrome OS", "desktop")
    ),
    "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko": (
        Agent("Internet Explorer", "11.0", "Windows", "desktop")
    ),
    "Waves/1": Agent(None, None, None, None),
}


@pytest.mark.parametrize("said", _SAID)
def test_a_browser_is_known(said: str) -> None:
    """Browser, system and device come from the most specific sign, also where a browser names others before itself."""
    assert agent_of(said) == _SAID[said]


def test_a_long_user_agent_is_read_in_part() -> None:
    """What stands far behind is not looked at, so that nobody can make reading it slow."""
    assert agent_of("Android " * 100_000 + "Firefox/1") == Agent(None, None, "Android", "tablet")
