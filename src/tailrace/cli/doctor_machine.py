"""What `doctor` looks at in the machine: who may read secrets, clocks, time zones, disks, and the public address."""

import shutil
import stat
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
from sqlalchemy import make_url

from tailrace.cli.doctor_check import Check
from tailrace.config import SETTINGS_FILE
from tailrace.wiring import House

_LOW_DISK = 1 << 30  # bytes
_SKEW_MS = 5_000
_OTHERS = stat.S_IRGRP | stat.S_IROTH
_ZONE = "America/Los_Angeles"
_WAIT_S = 5


def machine_checks(house: House) -> Iterator[Check]:
    """All of them."""
    yield _settings(house)
    yield _clock(house)
    yield _zones()
    yield _disk(house)
    yield _public_url(house)


def _settings(house: House) -> Check:
    """A password in the settings file is for the server's user alone."""
    path = house.data / SETTINGS_FILE
    if not path.exists():
        return Check("settings", ok=True, found="no file: defaults and environment")
    mode = path.stat().st_mode
    found = f"{SETTINGS_FILE} is {stat.filemode(mode)}"
    if mode & _OTHERS and _holds_password(house.settings.database, path.read_text("utf-8")):
        return Check("settings", ok=False, found=f"{found} and holds a password", next=f"chmod 600 {path}")
    return Check("settings", ok=True, found=found)


def _holds_password(url: str, text: str) -> bool:
    """Whether a file holds the password of a database URL, which may also come from the environment."""
    found = make_url(url) if url else None
    return found is not None and url in text and (found.password is not None or "password" in found.query)


def _clock(house: House) -> Check:
    """Leases and availability go by the database's clock, times of receipt by this machine's."""
    if house.database.sqlite:
        return Check("clock", ok=True, found="the database has none of its own")
    with house.database.read() as connection:
        skew = house.clock.now() - house.database.now(connection)
    ok = abs(skew) <= _SKEW_MS
    advice = "" if ok else "set both clocks by a time server (NTP)"
    return Check("clock", ok, f"{skew / 1000:+,.1f} s from the database's", advice)


def _zones() -> Check:
    try:
        ZoneInfo(_ZONE)
        return Check("time zones", ok=True, found=f"tzdata {version('tzdata')}")
    except (ZoneInfoNotFoundError, PackageNotFoundError) as error:
        return Check("time zones", ok=False, found=str(error), next="install the package tzdata")


def _disk(house: House) -> Check:
    """Of the data directory; database and files of their own are elsewhere, and their operators know."""
    free = shutil.disk_usage(house.data).free
    here = [] if house.settings.database else ["database"]
    here += [] if house.settings.files else ["files"]
    ok = free >= _LOW_DISK
    found = f"{free >> 20:,} MiB free for {' and '.join([*here, 'scratch'])}"
    return Check("disk", ok, found, "" if ok else "free some space: below it nothing is accepted")


def _public_url(house: House) -> Check:
    url = house.settings.public_url.rstrip("/")
    if not url:
        return Check("public_url", ok=True, found="not set: links begin with the address that was asked")
    try:
        answer = httpx.get(f"{url}/livez", timeout=_WAIT_S, follow_redirects=False)
        ok, found = answer.text == "ok\n", f"{url} answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        ok, found = False, f"{url}: {type(error).__name__}"
    advice = "" if ok else "start the server; if it runs, look at the proxy, the name and the certificate in between"
    return Check("public_url", ok, found, advice)
