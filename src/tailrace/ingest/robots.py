"""Robots: senders whose user agent says that no person looks."""

import re

ROBOT = "robot"  # the `device_type` of one

# What robots call themselves, in lower case; our own list, short on purpose. A make of phones is called Cubot.
MARKS = (
    "bot",
    "crawler",
    "spider",
    "headless",
    "slurp",
    "scraper",
    "scrapy",
    "phantomjs",
    "puppeteer",
    "playwright",
    "selenium",
    "lighthouse",
    "pingdom",
    "externalhit",
)
_MARK = re.compile("|".join(f"(?<!cu){mark}" if mark == "bot" else mark for mark in MARKS), re.IGNORECASE)


def is_robot(user_agent: str) -> bool:
    """Whether a user agent has one of the `MARKS`."""
    return _MARK.search(user_agent) is not None
