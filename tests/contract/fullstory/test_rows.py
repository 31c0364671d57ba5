"""Events as the contract has them, field by field, from what was sent."""

from typing import Any

import pytest

from tests.contract.fullstory.client import Row
from tests.contract.fullstory.conftest import DAY, MIDNIGHT, App, World
from tests.sending import event

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
START = MIDNIGHT - DAY
IDS = ("IndvId", "UserId", "SessionId", "PageId")

ABOUT: Row = {
    "user_agent": CHROME, "ip": "192.0.2.17", "latitude": 33.97, "longitude": -84.51, "browser_name": "Chrome",
    "os_name": "Linux", "device_type": "desktop", "platform": "web",
}  # fmt: skip
PAGE: Row = {"id": "p1", "url": "https://example.com/a", "referrer": "https://example.com/", "title": "A"}
# What every event of that page says, apart from its ids and times.
OF_PAGE: Row = {
    "PageUrl": "https://example.com/a", "PageRefererUrl": "https://example.com/", "PageDuration": 9000,
    "PageActiveDuration": 4000, "PageIp": "192.0.2.0", "PageLatLong": "33.9,-84.5", "PageAgent": CHROME,
    "PageBrowser": "Chrome", "PageDevice": "Desktop", "PageOperatingSystem": "Linux", "PageNumInfos": 0,
    "PageNumWarnings": 1, "PageNumErrors": 0,
}  # fmt: skip
NOBODY: Row = {"UserAppKey": "", "UserDisplayName": "", "UserEmail": ""}
BARE: Row = {
    "PageUrl": "", "PageRefererUrl": "", "PageDuration": 0, "PageActiveDuration": 0, "PageIp": "", "PageLatLong": "",
    "PageAgent": "", "PageBrowser": "Unknown", "PageDevice": "Unknown", "PageOperatingSystem": "Unknown",
    "PageNumInfos": 0, "PageNumWarnings": 0, "PageNumErrors": 0,
}  # fmt: skip


def record(name: str, kind: str | None, n: int, **more: Any) -> Row:
    """An event of the page, `n` seconds after the first."""
    told = {} if kind is None else {"kind": kind}
    page = PAGE | {"duration_ms": n * 1000, "active_ms": 4000, "warnings": 1} | more.pop("page", {})
    return event(name, START + n * 1000, device="d1", session="s1", page=page, session_=None) | told | more


def page_records() -> list[Row]:
    """Events of one page view of somebody who is not known."""
    records = [
        record("Page Viewed", "page", 0),
        record("Page Loaded", "load", 1, page={"dom_content_ms": 1453, "first_paint_ms": 1565, "load_ms": 1775}),
        record("Click", "click", 2, element={"text": "Market", "selector": "html body .no%2Djs"}, signals={"dead": 1}),
        record("Click", "click", 3, element={"selector": "html"}, signals={"frustrated": 3, "dead": 0, "error": 1}),
        record("Product Added", None, 4, params={"price": "9.50", "revenue": 12, "big": True, "no": None}),
        record("Error", "error", 5, params={"message": "x is not a function"}),
        record("Left", "abandon", 9, page={"cluster": 605}, params={"order": {"total": 1.5, "lines": [1, "two"]}}),
    ]
    return [one | {"session": ABOUT} for one in records]


def rows_of(app: App, *records: Row) -> list[Row]:
    """The events of the one bundle that they are in, in the order of their times."""
    app.records(*({key: value for key, value in one.items() if key != "session_"} for one in records))
    client = app.ready()
    ((_, rows),) = client.follow()
    return sorted(rows, key=lambda row: str(row["EventStart"]))


def test_events_of_a_page(world: World, app: App) -> None:
    """Each type has the fields that it always has and those that are its own, and nothing else: no nulls, no zeros
    where the contract has a field only if it is one. Duration and activity are the page's, on each of its events.
    """
    world.house.settings.ingest.ip = "truncated"
    rows = rows_of(app, *page_records())
    ids = [tuple(row.pop(name) for name in IDS) for row in rows]
    person, user, _, page = ids[0]
    assert len(set(ids)) == 1
    assert person == user > 0
    assert 0 < page < 1 << 53
    starts = [row.pop("EventStart") for row in rows]
    assert starts == [f"2026-01-08T00:00:0{n}.000Z" for n in (0, 1, 2, 3, 4, 5, 9)]
    own: list[Row] = [
        {"EventType": "navigate"},
        {"EventType": "load", "LoadDomContentTime": 1453, "LoadFirstPaintTime": 1565, "LoadEventTime": 1775},
        {
            "EventType": "click", "EventTargetText": "Market", "EventTargetSelectorTok": "html body .no%2Djs",
            "EventModDead": 1,
        },
        {
            "EventType": "click", "EventTargetText": "", "EventTargetSelectorTok": "html", "EventModFrustrated": 3,
            "EventModError": 1,
        },
        {
            "EventType": "custom", "EventCustomName": "Product Added", "evt_price_str": "9.50", "evt_revenue_real": 12,
            "evt_big_bool": True,
        },
        {"EventType": "custom_error", "EventCustomName": "Error", "evt_message_str": "x is not a function"},
        {
            "EventType": "abandon", "PageClusterId": 605, "evt_order.total_real": 1.5,
            "evt_order.lines_str": '[1,"two"]',
        },
    ]  # fmt: skip
    assert rows == [OF_PAGE | NOBODY | one for one in own]


def test_an_event_of_which_little_is_known(app: App) -> None:
    """What is always there is there: as an empty text, 0 or Unknown. Without a page there is page 0."""
    (row,) = rows_of(app, event("Bought", START, device="d2", session="s2"))
    for name in IDS:
        assert isinstance(row.pop(name), int)
    custom = {"EventType": "custom", "EventCustomName": "Bought", "EventStart": "2026-01-08T00:00:00.000Z"}
    told = {name: value for name, value in row.items() if name not in ("PageIp",)}
    assert told == {k: v for k, v in (BARE | NOBODY | custom).items() if k != "PageIp"}


def test_users_are_people_across_devices(app: App) -> None:
    """A known user is the same person on two devices, which are two users; what is known of them is on their events."""
    profile = {"name": "User 12345", "email": "u@example.com", "attributes": {"plan": "pro", "seats": 3}}
    rows = rows_of(
        app,
        *(
            event("identify", START + n, device=f"d{n}", session=f"s{n}", user_id="u1", kind="identify")
            | {"profile": profile, "params": {"displayName": "User 12345"}}
            for n in range(2)
        ),
    )
    assert len({row["IndvId"] for row in rows}) == 1
    assert len({row["UserId"] for row in rows}) == 2
    assert len({row["SessionId"] for row in rows}) == 2
    for row in rows:
        assert 0 < row["IndvId"] < 1 << 53
        known = (row["UserAppKey"], row["UserDisplayName"], row["UserEmail"])
        assert known == ("u1", "User 12345", "u@example.com")
        assert (row["user_plan_str"], row["user_seats_real"]) == ("pro", 3)
        assert (row["EventType"], row["evt_displayName_str"]) == ("uservar", "User 12345")
        assert "EventCustomName" not in row


AGENTS: dict[str, tuple[Row, tuple[str, str, str]]] = {
    "edge": ({"user_agent": f"{CHROME} Edg/120.0"}, ("Microsoft Edge", "Desktop", "Linux")),
    "opera": ({"browser_name": "Opera", "user_agent": CHROME}, ("Opera", "Desktop", "Linux")),
    "iphone": (
        {"user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1"},
        ("Safari", "Mobile", "iOS"),
    ),
    "mac": (
        {"browser_name": "Firefox", "os_name": "macOS", "device_type": "desktop"},
        ("Firefox", "Desktop", "OS X"),
    ),
    "chromebook": ({"os_name": "Chrome OS", "browser_name": "Chrome"}, ("Chrome", "Unknown", "Chrome OS")),
    "old": (
        {"user_agent": "Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko"},
        ("Internet Explorer", "Desktop", "Windows"),
    ),
    "app": ({"platform": "android", "os_name": "Android"}, ("Mobile App", "Mobile", "Android")),
    "robot": ({"device_type": "robot", "user_agent": CHROME}, ("Robot", "Robot", "Robot")),
    "tablet": (
        {"device_type": "tablet", "os_name": "Android", "browser_name": "Yandex"},
        ("Yandex", "Tablet", "Android"),
    ),
    "samsung": ({"browser_name": "Samsung Internet"}, ("Unknown", "Unknown", "Unknown")),
}


def test_words_for_browsers_devices_and_systems(app: App) -> None:
    """What senders call browser, device and system, or the user agent where they do not, becomes the vendor's words."""
    rows = rows_of(
        app,
        *(
            event("e", START + n, device=who, session=who, params={"who": who}) | {"session": about}
            for n, (who, (about, _)) in enumerate(AGENTS.items())
        ),
    )
    found = {r["evt_who_str"]: (r["PageBrowser"], r["PageDevice"], r["PageOperatingSystem"]) for r in rows}
    assert found == {who: words for who, (_, words) in AGENTS.items()}


@pytest.mark.parametrize("where", ["evt", "page", "user"])
def test_own_properties_are_flat(app: App, where: str) -> None:
    """Objects become paths with dots down to eight levels, deeper ones and arrays texts; nulls and empty objects are
    left out; names keep their signs; of two with one name the last one counts, and each stands once.
    """
    deep: Any = 1
    for _ in range(9):
        deep = {"d": deep}
    own = {
        'q"uote\n': "a\"b\\", "n": -1.5e3, "i": 12345678901234567, "t": True, "f": False, "z": None, "o": {}, "l": [],
        "a": {"b": {"c": "x"}, "z": None}, "a.b": {"c": "y"}, "deep": deep, "ü": "é",
    }  # fmt: skip
    holder = {"evt": {"params": own}, "page": {"page": {"properties": own}}, "user": {"profile": {"attributes": own}}}
    (row,) = rows_of(app, event("e", START) | holder[where])
    found = {name.removeprefix(f"{where}_"): value for name, value in row.items() if name.startswith(f"{where}_")}
    assert found == {
        'q"uote\n_str': "a\"b\\", "n_real": -1500.0, "i_real": 12345678901234567, "t_bool": True, "f_bool": False,
        "l_str": "[]", "a.b.c_str": found["a.b.c_str"], "deep.d.d.d.d.d.d.d_str": '{"d":{"d":1}}', "ü_str": "é",
    }  # fmt: skip
    assert found["a.b.c_str"] in ("x", "y")
