"""The file of users: just those of the other files, as they are known when the export is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.accounts.audit import Actor
from tailrace.exports import users as users_module
from tailrace.ingest.editing import set_profile
from tailrace.model.clock import DAY
from tailrace.model.hashing import actor_hash
from tests.contract.devtodev.content import Cells, archive, basic, custom, native, project, report, said, standard
from tests.sending import T0, Row, event
from tests.unit.exports.conftest import wide
from tests.unit.exports.histories import Store

__all__ = ["wide"]
COLUMNS = (
    "devtodev ID,Main ID,Created,Paying,Cheater,Tester,Level,AppVersion,Language,Country,Device manufacturer,"
    "Device name,Crossplatform User ID,Channel,InstallSource,User agent,Screen resolution,OS version,IDFV,IDFA,"
    "OPEN_UDID,username,useremail,userphoto,userphone,AdCampaign,Time zone offset,OsVersion,segments,Agency,Keyword,"
    "Placement,Site,Ad group,Ad"
)
LATER = T0 + 20 * DAY
IDS: Row = {"deviceId": "d1", "userId": "u1"}


@pytest.fixture
def store(wide: Path, tmp_path: Path) -> Iterator[Store]:
    """A project."""
    with project(wide, tmp_path / "data") as opened:
        yield opened


def users(store: Store, *names: str, start: int = T0 - DAY, end: int = T0 + 30 * DAY) -> list[Cells]:
    """The users of the files of some custom events, without empty cells."""
    found = archive(store, *map(custom, names), start=start, end=end)
    assert found is not None
    assert ",".join(found.header("users")) == COLUMNS
    return [{name: cell for name, cell in row.items() if cell} for row in found["users"]]


def edit(store: Store, actor: str, **keys: object) -> None:
    """Set keys of a profile."""
    hashed = actor_hash(store.scope.app_id, actor)
    set_profile(store.house.database, store.scope, hashed, keys, Actor(store.scope.space, "ana"))


def test_everything_that_is_known(store: Store) -> None:
    """All that an SDK told long before the window of the export, of device, acquisition and person, and what is newer:
    level, payer, version of the app; times in seconds and milliseconds as the document says.
    """
    device: Row = {
        "os": "iOS",
        "osVersion": "17.4",
        "manufacturer": "Apple",
        "model": "iPhone",
        "timeZoneOffset": -3600,
    }
    ids: Row = {"idfa": "A-1", "idfv": "V-1", "openUdid": "O-1", "displayResolution": "10x20", "userAgent": "UA/1"}
    person: Row = {"name": "Ana", "email": "a@x", "phone": "+1", "photo": "http://x/p", "tester": True}
    about: Row = {"language": "en", "country": "US", "appVersion": "1.0"}
    report(
        store,
        said("di", **device, **ids, installSource="store"),
        said("rf", T0 + 1, source="Net", campaign="Spring", content="Banner", term="games"),
        said("pl", T0 + 2, parameters=person),
        ids=IDS,
        **about,
    )
    report(store, said("rp", T0 + DAY, price=2, currencyCode="USD", level=9), ids=IDS, **about)
    report(store, said("ce", LATER, name="late", level=9), ids=IDS, at=LATER + DAY, **about | {"appVersion": "2.0"})
    report(store, said("ss", LATER + DAY, level=11), ids=IDS, at=LATER + DAY, **about | {"appVersion": "3.0"})
    (found,) = users(store, "late", start=LATER - 1, end=LATER + 1)
    assert found == {
        "devtodev ID": "1",
        "Main ID": "d1",
        "Created": str(T0 // 1000),
        "Paying": "1",
        "Cheater": "0",
        "Tester": "1",
        "Level": "11",
        "AppVersion": "3.0",
        "Language": "en",
        "Country": "US",
        "Device manufacturer": "Apple",
        "Device name": "iPhone",
        "Crossplatform User ID": "u1",
        "Channel": "Net",
        "InstallSource": "store",
        "User agent": "UA/1",
        "Screen resolution": "10x20",
        "OS version": "17.4",
        "IDFV": "V-1",
        "IDFA": "A-1",
        "OPEN_UDID": "O-1",
        "username": "Ana",
        "useremail": "a@x",
        "userphoto": "http://x/p",
        "userphone": "+1",
        "AdCampaign": "Spring",
        "Time zone offset": "-3600000",
        "OsVersion": "17.4",
        "Keyword": "games",
        "Ad": "Banner",
    }


def test_acquisition_and_what_no_standard_event_tells(store: Store) -> None:
    """Without standard events the newest session of the export that knows a value tells it."""
    source = {
        "source_sub_publisher": "Agency",
        "source_placement": "Top",
        "source_site": "x.org",
        "source_ad_group": "G",
    }
    native(store, event("go", T0, session="s1") | {"session": source | {"app_version": "1"}})
    native(store, event("go", T0 + DAY, session="s2") | {"session": {"app_version": "2"}})
    (found,) = users(store, "go")
    assert {name: found.get(name) for name in ("Agency", "Placement", "Site", "Ad group", "AppVersion", "Paying")} == {
        "Agency": "Agency",
        "Placement": "Top",
        "Site": "x.org",
        "Ad group": "G",
        "AppVersion": "2",
        "Paying": "0",
    }


def test_just_the_users_of_the_files(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, in order of number, whatever they did besides, outside of the window or in events that were not asked
    for; and so in groups of any size.
    """
    native(store, *(event(f"e{n % 3}", T0 + n, device=f"d{n % 7}", session=f"s{n}") for n in range(40)))
    native(store, event("e0", T0 + 29 * DAY, device="late", session="s"))
    wanted = {f"d{n % 7}" for n in range(40) if n % 3 in (0, 1) and n < 5}
    monkeypatch.setattr(users_module, "GROUP", 3)
    found = users(store, "e0", "e1", end=T0 + 5)
    assert {row["Main ID"] for row in found} == wanted
    numbers = [int(row["devtodev ID"]) for row in found]
    assert numbers == sorted(set(numbers))


def test_numbers_join_users_with_their_events(store: Store) -> None:
    """The id of a row of an event is that of its user, and stays so in every export."""
    native(store, *(event("go", T0 + n, device=f"d{n}", session=f"s{n}", params={"who": f"d{n}"}) for n in range(9)))
    before = archive(store, custom("go"))
    native(store, event("go", T0 + DAY, device="d3", session="s", params={"who": "d3"}))
    after = archive(store, custom("go"))
    assert before is not None
    assert after is not None
    names = {row["devtodev ID"]: row["Main ID"] for row in before["users"]}
    assert len(names) == 9
    for found in (before, after):
        assert {row["devtodev ID"]: row["Main ID"] for row in found["users"]} == names
        assert all(names[row["devtodev ID"]] == row["who"] for row in found["go"])


def test_what_is_set_of_users_counts_from_then_on(store: Store) -> None:
    """Set flags, attributes and segments stand over what senders say, in exports asked for afterwards; events keep the
    flags that they had when they happened.
    """
    native(store, standard("Level Up", T0, level=2, profile={"name": "Ana", "is_tester": False}))
    assert [(row["username"], row["Tester"], row.get("segments")) for row in lu_users(store)] == [("Ana", "0", None)]
    edit(store, "d1", is_tester=True, is_cheater=True, segments=["whales, big", "new"], level=50)
    native(store, standard("Level Up", T0 + 1, level=3, is_tester=True, profile={"is_tester": False}))
    (found,) = lu_users(store)
    assert (found["Tester"], found["Cheater"], found["Level"]) == ("1", "1", "50")
    assert found["segments"] == "whales, big,new"
    lines = archive(store, basic("lu"))
    assert lines is not None
    assert [(row["isTester"], row["cheat"]) for row in lines["lu"]] == [("0", "0"), ("1", "0")]
    edit(store, "d1", level=None, segments=None)
    (found,) = lu_users(store)
    assert (found["Level"], found.get("segments")) == ("3", None)


def lu_users(store: Store) -> list[Cells]:
    """The users who reached levels, without empty cells."""
    found = archive(store, basic("lu"))
    assert found is not None
    return [{name: cell for name, cell in row.items() if cell} for row in found["users"]]


PAYERS: list[tuple[str, list[Row]]] = [
    ("1", [{"amount": 5.0, "currency": "USD"}]),
    ("1", [{"amount": 5.0, "currency": "XXQ"}]),
    ("0", [{"amount": 5.0, "currency": "USD", "params": {"valid": False}}]),
    ("0", [{"amount": 0.0, "currency": "USD"}, {"amount": -5.0, "currency": "USD"}]),
    ("0", [{"amount": 5.0, "currency": "USD", "kind": None}]),
    ("0", [{"amount": 5.0, "currency": "USD"}, {"profile": {"is_paying": False}, "kind": None}]),
]


def test_who_pays(store: Store) -> None:
    """Whoever has paid: with a valid receipt, in any currency, as a standard event; or whom the sender calls so."""
    native(store, *(event("go", T0, device=f"d{n}", session=None) for n in range(len(PAYERS))))
    for step in range(2):
        told = [(n, records[step]) for n, (_, records) in enumerate(PAYERS) if len(records) > step]
        native(store, *(standard("Payment", T0 + DAY + step) | {"device_id": f"d{n}"} | one for n, one in told))
    found = {row["Main ID"]: row["Paying"] for row in users(store, "go")}
    assert found == {f"d{n}": paying for n, (paying, _) in enumerate(PAYERS)}
