"""`events`: ids, names, groups, objects with aliases; what is unknown, what is there twice, what is blocked."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.surfaces.devtodev.choosing import IDS, choose
from tailrace.surfaces.devtodev.errors import Refused
from tailrace.surfaces.devtodev.parse import parse_job
from tests.contract.devtodev.conftest import World

# The ids of the document's table but its groups; `sbs_payments` is part of `sbs`.
BASIC = ["lu", "rp", "tr", "ip", "sc", "sp", "gs", "uu", "ud", "pe", "rg", "sbs", "adrv"]
KNOWN = ["go", "stop", "lu", "users", "Level Up"]
FILTER = {"n": {"gt": 1}}


def chosen(events: Any, known: Sequence[str] = KNOWN) -> list[tuple[str, bool, bool, str | None, bool]]:
    """What a list chooses: event, whether it is custom, whether it is filtered, its alias, whether it was named."""
    asked = parse_job({"app_id": "a", "start_date": 1, "end_date": 2, "events": events})
    found = choose(asked.elements, known)
    return [(one.event, one.custom, bool(one.where), one.alias, one.named) for one in found]


def files(events: Any, known: Sequence[str] = KNOWN) -> list[str]:
    """The files of a list, by name."""
    return [alias or event for event, _, _, alias, _ in chosen(events, known)]


def refused(events: Any) -> tuple[int, tuple[object, ...]]:
    """The error of a list."""
    with pytest.raises(Refused) as caught:
        chosen(events)
    return caught.value.code, caught.value.gaps


@pytest.mark.parametrize("events", [None, [], ["@basic_events", "@custom_events"]])
def test_nothing_is_everything(events: Any) -> None:
    """No list and an empty one are all standard events and all custom ones; none of them is asked for by name."""
    assert files(events) == [*BASIC, "Level Up", "go", "lu", "stop", "users"]
    assert not any(named for *_, named in chosen(events))


def test_ids_are_standard_events_and_names_custom_ones() -> None:
    """Each id of the table is a standard event, also where a custom event has the same name; a custom event that is
    called as a standard one is named in full.
    """
    assert {*BASIC, "sbs_payments"} == IDS
    for id_ in IDS:
        assert chosen([id_]) == [(id_, False, False, None, True)]
    assert chosen(["go", "Level Up"]) == [("go", True, False, None, True), ("Level Up", True, False, None, True)]


def test_groups() -> None:
    """A group is all of its events; one that is listed beside it is there once and by name. A custom event that is
    called as an id is in its group alone, beside the standard one.
    """
    assert files(["@custom_events"]) == ["Level Up", "go", "lu", "stop", "users"]
    assert files(["@basic_events"]) == BASIC
    assert sorted(files(["@custom_events", "go", "@custom_events"])) == ["Level Up", "go", "lu", "stop", "users"]
    assert ("go", True, False, None, True) in chosen(["@custom_events", "go"])
    assert files(["@basic_events", "sbs_payments"]) == ["sbs_payments", *BASIC]
    assert chosen(["lu", "@custom_events"], ["lu"]) == [
        ("lu", False, False, None, True),
        ("lu", True, False, None, False),
    ]
    assert chosen(["@custom_events"], []) == [("", True, False, None, False)]


def test_objects() -> None:
    """An object is its event, with conditions and under another name if it says so; one event may be there often."""
    once = {"name": "go", "filters": FILTER}
    assert chosen([once]) == [("go", True, True, None, True)]
    assert chosen([once | {"alias": "fast"}, "go"]) == [
        ("go", True, True, "fast", True),
        ("go", True, False, None, True),
    ]
    assert chosen([{"name": "tr", "alias": "steps"}]) == [("tr", False, False, "steps", True)]
    assert chosen([{"name": "go", "alias": ""}]) == [("go", True, False, None, True)]
    whole = files(["@custom_events", once | {"alias": "fast"}])
    assert sorted(whole) == ["Level Up", "fast", "go", "lu", "stop", "users"]


@pytest.mark.parametrize(
    ("events", "gap"),
    [
        (["go", "go"], "go"),
        (["tr", "tr"], "tr"),
        (["go", {"name": "go"}], "go"),
        (["go", {"name": "go", "filters": FILTER}], "go"),
        ([{"name": "go", "filters": FILTER}, {"name": "go", "filters": {"n": {"lt": 1}}}], "go"),
        ([{"name": "go", "alias": "a"}, {"name": "stop", "alias": "a"}], "a"),
        ([{"name": "go", "alias": "stop"}, "stop"], "stop"),
        (["go", {"name": "stop", "alias": "go"}], "go"),
        ([{"name": "go", "alias": "lu"}], "lu"),
        ([{"name": "tr", "alias": "sbs_payments"}], "sbs_payments"),
        ([{"name": "go", "filters": FILTER}, "@custom_events"], "go"),
        ([{"name": "go", "alias": "stop"}, "@custom_events"], "stop"),
    ],
)
def test_what_would_be_two_files_of_one_name(events: Any, gap: str) -> None:
    """Equal names without alias, equal aliases, an alias that is the name of another one or an id: error 9 names it."""
    assert refused(events) == (9, (gap,))


@pytest.mark.parametrize(
    ("events", "gap"),
    [
        (["went"], "went"),
        (["Go"], "Go"),
        (["go", "went", "went"], "went"),
        (["@custom"], "@custom"),
        ([{"name": "@custom_events"}], "@custom_events"),
        ([{"name": "lu", "filters": FILTER}], "lu"),
        ([""], ""),
    ],
)
def test_what_is_no_event(events: Any, gap: str) -> None:
    """A name that the app has never sent, a group that there is none of or in an object, conditions on a standard
    event: error 8 names it, before anything is said of duplicates.
    """
    assert refused(events) == (8, (gap,))


elements = st.builds(
    lambda name, alias, filtered: (
        {"name": name} | ({"alias": alias} if alias else {}) | ({"filters": FILTER} if filtered else {})
    ),
    st.sampled_from(["go", "stop", "lu", "tr"]),
    st.sampled_from(["", "a", "b", "go", "lu"]),
    st.booleans(),
)


def outcome(events: Any) -> tuple[list[tuple[str, bool, bool, str | None, bool]], int | None]:
    """What a list chooses, or the code of its error."""
    try:
        return chosen(events), None
    except Refused as error:
        return [], error.code


@given(st.lists(elements | st.sampled_from(["go", "stop", "lu", "@custom_events", "@basic_events"]), max_size=5))
def test_files_have_names_of_their_own(events: list[Any]) -> None:
    """Whatever is asked, either it is refused with 8 or 9, or no two files have one name and each event that is listed
    has a file.
    """
    found, code = outcome(events)
    if code is not None:
        assert code in (8, 9)
        return
    names = [alias or event for event, custom, _, alias, _ in found if not (custom and event in IDS)]
    assert len(names) == len(set(names))
    listed = {one if isinstance(one, str) else one["name"] for one in events} - {"@custom_events", "@basic_events"}
    assert listed <= {event for event, *_ in found}


def test_a_blocked_event_is_unknown(world: World) -> None:
    """The switch of an event is the app's: by name it is error 8, groups leave it out, and it comes back with the
    switch. Only who may change apps can turn it, and only for what was sent.
    """
    path = "/v1/apps/app_waves/events"
    blocked = world.native("PATCH", path, {"name": "stop", "blocked": True})
    assert blocked == {"name": "stop", "blocked": True}
    try:
        asked = world.client.set_job(world.start, world.start + 3600, ["stop"])
        assert asked.error == (400, 8, "Unknown event: stop")
        listed = {one["name"]: one["blocked"] for one in world.native("GET", path)["events"]}
        assert listed == {"go": False, "stop": True, 'odd name, "quoted"': False}
    finally:
        world.native("PATCH", path, {"name": "stop", "blocked": False})
    assert world.client.set_job(world.start, world.start + 3600, ["stop"]).status == 200
    http, ana = world.api.http, {"authorization": "Bearer tok_ana"}
    for body, status in (({"name": "went", "blocked": True}, 404), ({"name": "stop"}, 400)):
        assert http.patch(path, json=body, headers=ana).status_code == status
    standard = world.user("switch@example.com", role="standard").token
    refused_to = http.patch(path, json={"name": "go", "blocked": True}, headers={"authorization": f"Bearer {standard}"})
    assert refused_to.status_code == 403
    actions = [entry["action"] for entry in world.native("GET", "/v1/audit?limit=100")["entries"]]
    assert [action for action in actions if action.startswith("event.")] == ["event.unblocked", "event.blocked"]


def test_a_blocked_event_is_in_no_group(world: World) -> None:
    """With every other event unnamed, the report of a group has no file of a blocked one."""
    world.native("PATCH", "/v1/apps/app_waves/events", {"name": "stop", "blocked": True})
    try:
        found = world.client.fetch(world.start, world.start + 3600, ["@custom_events"])
    finally:
        world.native("PATCH", "/v1/apps/app_waves/events", {"name": "stop", "blocked": False})
    assert found is not None
    assert "go" in found
    assert "stop" not in found
    assert sum(map(len, found.values())) - len(found["users"]) == 4


def test_an_event_without_rows(world: World) -> None:
    """In a window that has others, an event that is asked for by name has a file with a header and no rows; through a
    group it has none.
    """
    end = world.start + 3  # three times `go`
    named = world.client.fetch(world.start, end, ["go", "stop"])
    assert named is not None
    assert (len(named["go"]), named["stop"]) == (3, [])
    group = world.client.fetch(world.start, end, ["@custom_events"])
    assert group is not None
    assert set(group) == {"go", "users"}
