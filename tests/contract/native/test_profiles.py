"""Profiles over the native API: what is known of users, and what is set of them."""

import pytest

from tailrace.model.access import Scope
from tailrace.wiring import House
from tests.contract.live import live
from tests.sending import T0, event, seal, send

PATH = "/v1/apps/app_waves/profiles"
BEARER = {"Authorization": "Bearer tok_ana"}


def test_what_is_set_stands_over_what_is_said_until_it_is_taken_back(house: House, scope: Scope) -> None:
    """Each change is a commit: what senders say later changes nothing of it, null brings their words back."""
    send(house, scope, [event("e", T0, user_id="u1", profile={"name": "Ana", "attributes": {"a": 1, "b": 2}})])
    seal(house, scope)
    with live(house) as http:
        before = http.get(PATH, params={"actor": "d1"}, headers=BEARER).json()
        assert before == {
            "app": "app_waves",
            "actor": "d1",
            "seq": 1,
            "number": 1,
            "user_id": "u1",
            "profile": {"name": "Ana", "attributes": {"a": 1, "b": 2}},
            "set": {},
        }
        wanted = {"name": "Bo", "is_tester": True, "segments": ["x", "y"], "attributes": {"a": None, "b": 3, "c": [4]}}
        answer = http.patch(PATH, json={"actor": "d1", "set": wanted}, headers=BEARER)
        own = {"name": "Bo", "is_tester": True, "segments": ["x", "y"], "attributes": {"b": 3, "c": [4]}}
        assert answer.status_code == 200
        assert answer.json() == before | {
            "seq": 2,
            "profile": own | {"attributes": {"a": 1, "b": 3, "c": [4]}},
            "set": own,
        }
        send(house, scope, [event("e", T0 + 1, profile={"name": "Eve", "is_tester": False, "level": 3})])
        seal(house, scope)
        now = http.get(PATH, params={"actor": "d1"}, headers=BEARER).json()
        assert (now["seq"], now["profile"]["name"], now["profile"]["is_tester"]) == (3, "Bo", True)
        answer = http.patch(PATH, json={"actor": "d1", "set": {"name": None, "attributes": None}}, headers=BEARER)
        assert answer.json()["profile"] == {
            "name": "Eve",
            "is_tester": True,
            "level": 3,
            "segments": ["x", "y"],
            "attributes": {"a": 1, "b": 2},
        }


def test_a_user_who_was_not_seen_yet(house: House, scope: Scope) -> None:
    """What is set of one is kept until the first event comes; of anybody else there is nothing to see, and of one whose
    events said nothing there is the number.
    """
    with live(house) as http:
        assert http.get(PATH, params={"actor": "d9"}, headers=BEARER).status_code == 404
        made = http.patch(PATH, json={"actor": "d9", "set": {"is_cheater": True}}, headers=BEARER).json()
        assert (made["number"], made["user_id"], made["profile"]) == (None, None, {"is_cheater": True})
        send(house, scope, [event("e", T0, device="d9")])
        seal(house, scope)
        seen = http.get(PATH, params={"actor": "d9"}, headers=BEARER).json()
        assert (seen["number"], seen["profile"]) == (1, {"is_cheater": True})
        send(house, scope, [event("e", T0, device="d8")])
        seal(house, scope)
        silent = http.get(PATH, params={"actor": "d8"}, headers=BEARER).json()
        assert (silent["number"], silent["user_id"], silent["profile"], silent["set"]) == (2, None, {}, {})


@pytest.mark.parametrize(
    "wanted", [{"level": "seven"}, {"nick": "x"}, {"registered_at": "soon"}, {"segments": [1]}, {"level": 1 << 63}]
)
def test_what_no_profile_can_hold_is_refused(house: House, wanted: dict[str, object]) -> None:
    """With the key that is wrong, and nothing is changed; neither is what would be too long."""
    with live(house) as http:
        answer = http.patch(PATH, json={"actor": "d1", "set": wanted}, headers=BEARER)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert next(iter(wanted)) in answer.text
        long = {"attributes": {"a": "x" * 40_000}}
        assert http.patch(PATH, json={"actor": "d1", "set": long}, headers=BEARER).status_code == 400
        assert http.get(PATH, params={"actor": "d1"}, headers=BEARER).status_code == 404
