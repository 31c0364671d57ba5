"""Discretion: what is kept of senders' addresses, where they are looked up, and what becomes of robots."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tailrace.config import SETTINGS_FILE
from tailrace.ingest.addresses import Keeping, kept
from tailrace.ingest.discretion import Discretion
from tailrace.ingest.places import Places, open_places
from tailrace.ingest.robots import MARKS, is_robot
from tailrace.model.errors import Invalid
from tailrace.wiring import open_house
from tests.mmdb import mmdb
from tests.unit.ingest.test_accept import DOOR, NOW, Row, rows, take

BERLIN: Row = {
    "country": {"iso_code": "DE", "names": {"en": "Germany"}},
    "subdivisions": [{"iso_code": "BE", "names": {"en": "Land Berlin"}}],
    "city": {"names": {"en": "Berlin", "de": "Berlin"}},
}
KNOWN = {"192.0.2.0/24": BERLIN, "2001:db8:5::/48": {"country": {"iso_code": "FR"}}, "198.51.100.7/32": {"city": {}}}
PHONE = "Mozilla/5.0 (Linux; Android 13; CUBOT_P80) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36"


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """A database that knows three networks."""
    path = tmp_path / "places.mmdb"
    path.write_bytes(mmdb(KNOWN))
    with closing(open_places(str(path))) as opened:
        yield opened


def sessions(discretion: Discretion, *sent: Row) -> list[str | None]:
    """The session texts that are kept of records that say this of their session."""
    records = [{"event": "e", "device_id": "d", "time": NOW, "session": session} for session in sent]
    return [row["session"] for row in rows(take(records, door=replace(DOOR, discretion=discretion)))]


@pytest.mark.parametrize(
    ("text", "truncated"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("somebody", None),
        ("", None),
    ],
)
def test_an_address_is_kept_as_policy_says(text: str, truncated: str | None) -> None:
    """In full as it came, not at all, or its network of 256 addresses or one customer of IPv6; what is no address is
    never kept by halves.
    """
    assert [kept(text, keeping) for keeping in ("full", "truncated", "none")] == [text, truncated, None]


def test_records_keep_the_address_that_policy_lets_them_keep() -> None:
    """By default truncated; everything else that the text says stays as it was, and a text of nothing else is none."""
    policies: tuple[Keeping, ...] = ("truncated", "full", "none")
    more = {"city": "Köln", "properties": {"ip": "203.0.113.77", "n": 1.50}}
    found = [sessions(Discretion(ip), {"ip": "203.0.113.77"} | more, {"ip": "203.0.113.77"}, more) for ip in policies]
    rest = '"city":"Köln",IP"properties":{"ip":"203.0.113.77","n":1.5}'
    for (first, alone, none), ip in zip(found, ('"ip":"203.0.113.0"', '"ip":"203.0.113.77"', None), strict=True):
        assert first == "{" + rest.replace("IP", f"{ip}," if ip else "") + "}"
        assert alone == (f"{{{ip}}}" if ip else None)
        assert none == "{" + rest.replace("IP", "") + "}"
    assert sessions(Discretion(), {"ip": "203.0.113.77"}) == ['{"ip":"203.0.113.0"}']


def test_places_are_looked_up_where_the_sender_names_no_country(places: Places) -> None:
    """Country, region and city come from the database, by the whole address though none of it is kept; a sender that
    names its country, or what is in it, is believed; what the database does not know stays empty.
    """
    found = sessions(
        Discretion("none", places=places),
        {"ip": "192.0.2.9"},
        {"ip": "192.0.2.9", "country": "AT"},
        {"ip": "192.0.2.9", "city": "Potsdam"},
        {"ip": "2001:db8:5::9"},
        {"ip": "198.51.100.7", "locale": "de"},
        {"ip": "203.0.113.77", "locale": "de"},
        {"ip": "nowhere", "locale": "de"},
    )
    assert found == [
        '{"country":"DE","region":"Land Berlin","city":"Berlin"}',
        '{"country":"AT"}',
        '{"city":"Potsdam","country":"DE","region":"Land Berlin"}',
        '{"country":"FR"}',
        '{"locale":"de"}',
        '{"locale":"de"}',
        '{"locale":"de"}',
    ]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "content", [None, b"", b"no database", mmdb(KNOWN)[:-40]], ids=["none", "empty", "text", "cut"]
)
def test_a_database_that_cannot_be_read_is_told_at_the_start(data: Path, content: bytes | None) -> None:
    """A store is not opened with a file that is not there or is none: the error names the setting."""
    path = data.parent / "places.mmdb"
    if content is not None:
        path.write_bytes(content)
    with (data / SETTINGS_FILE).open("a") as settings:
        settings.write(f'[ingest]\nip_database = "{path}"\n')
    with pytest.raises(Invalid, match="places") as caught, open_house(data):
        pass
    assert caught.value.where == "ingest.ip_database"


def test_robots_are_known_by_their_user_agent() -> None:
    """Each mark in any case makes one, within a longer text; browsers, SDKs and a make of phones are none."""
    assert all(is_robot(f"Mozilla/5.0 (compatible; Some{mark.title()}/2.1)") for mark in MARKS)
    assert is_robot("cubot Googlebot")
    assert not any(
        map(is_robot, (PHONE, "", "analytics-python/2.3.4", "Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0"))
    )


def test_robots_are_kept_as_such_or_dropped() -> None:
    """By default each is kept with the device type robot, whatever it says itself; with `drop` it is accepted, counted
    and not stored, while a bad record stays a dead letter and neighbours keep what is theirs.
    """
    robot = {"user_agent": "Googlebot/2.1", "device_type": "mobile"}
    records: list[Row] = [
        {"event": "a", "device_id": "d", "time": NOW, "session": robot},
        {"event": "b", "device_id": "d", "time": NOW + 1, "session": {"user_agent": PHONE, "device_type": "mobile"}},
        {"event": "", "device_id": "d", "session": robot},
        {"event": "c", "device_id": "d"},
    ]
    kept_ = rows(take(records))
    assert [row["session"] for row in kept_] == [
        '{"device_type":"robot","user_agent":"Googlebot/2.1"}',
        f'{{"device_type":"mobile","user_agent":"{PHONE}"}}',
        None,
    ]
    found = take(records, door=replace(DOOR, discretion=Discretion(bots="drop")))
    assert [(row["event"], row["session"], row["time"]) for row in rows(found)] == [
        ("b", kept_[1]["session"], NOW + 1),
        ("c", None, NOW),
    ]
    assert (found.submission.dropped, found.submission.accepted, len(found.rejected)) == (1, 3, 1)
