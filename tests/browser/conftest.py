"""A real Chromium: Debian's, driven from outside. scripts/test installs it and names it by TAILRACE_TEST_CHROMIUM."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

_VARIABLE = "TAILRACE_TEST_CHROMIUM"
# As root there is no sandbox; nothing may be asked of anybody but the servers of a test.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# What it says by itself names it a robot. Told for one page only, it forgets that when the page ends.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, for the tests of a module: while it is driven, this thread can run no other loop."""
    program = os.environ.get(_VARIABLE) or shutil.which("chromium")
    if program is None:
        pytest.skip(f"chromium is not installed, nor named by {_VARIABLE}; scripts/test installs it")
    flags = [*_FLAGS, f"--user-agent={AGENT}"]
    environment: dict[str, str | float | bool] = {**os.environ, "TZ": "Europe/Berlin"}
    with (
        sync_playwright() as play,
        play.chromium.launch(executable_path=program, args=flags, env=environment) as browser,
    ):
        yield browser


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """Somebody who was never here: nothing is stored."""
    with chromium.new_context() as context:
        context.set_default_timeout(30_000)
        yield context
