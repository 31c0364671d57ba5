"""Users, apps and tokens over HTTP: what is made works, what is ended stops at once, nobody gets more than he has."""

import threading
from typing import Any

import httpx
import pytest

from tailrace.model.access import ROLE_SCOPES
from tests.contract.live import READ
from tests.contract.native.conftest import Api, as_
from tests.sending import T0, event

LONG = "a long enough one"


def post(api: Api, path: str, body: Any = None, *, token: str = "tok_ana", status: int = 201) -> Any:
    """POST what must be answered with a status; the answer."""
    answer = api.http.post(path, json={} if body is None else body, headers=as_(token))
    assert answer.status_code == status, answer.text
    return answer.json()


def get(api: Api, path: str, token: str = "tok_ana") -> Any:
    """GET what must be there."""
    answer = api.http.get(path, headers=as_(token))
    assert answer.status_code == 200, answer.text
    return answer.json()


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error."""
    return answer.status_code, answer.json()["code"]


def user_with_token(api: Api, email: str, **body: Any) -> tuple[str, str]:
    """A user that ana makes, and the text of a token for it."""
    user = post(api, "/v1/users", {"email": email} | body)["id"]
    return user, post(api, "/v1/tokens", {"user": user})["token"]


def works(api: Api, token: str) -> bool:
    """Whether a token is known."""
    return api.http.get("/v1/me", headers=as_(token)).status_code == 200


def test_a_password_gives_a_token(quiet: Api) -> None:
    """Whoever has a password gets tokens with that user's rights, narrower ones on request; a wrong one gives none."""
    auth = ("ana@example.com", "correct horse")
    made = quiet.http.post("/v1/tokens", auth=auth)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    me = get(quiet, "/v1/me", made.json()["token"])
    assert (me["email"], me["scopes"], me["granted"]) == ("ana@example.com", sorted(ROLE_SCOPES["admin"]), ["*"])
    narrow = {"name": "nightly", "scopes": ["exports.read"], "apps": ["app_tides"], "expires_in": 60}
    made = quiet.http.post("/v1/tokens", json=narrow, auth=auth)
    me = get(quiet, "/v1/me", made.json()["token"])
    assert (me["scopes"], me["granted"]) == (["exports.read"], ["app_tides"])
    for wrong in (("ana@example.com", "wrong"), ("nobody@example.com", "x"), ("bob@example.com", ""), ("a\0b", "x")):
        assert code(quiet.http.post("/v1/tokens", auth=wrong)) == (401, "unauthorized"), wrong


def test_the_life_of_a_token(quiet: Api) -> None:
    """It is shown once, listed with its rights and use, refreshed, and stops at once when it is revoked."""
    made = post(quiet, "/v1/tokens", {"name": "one", "scopes": ["exports.read", "tokens.write"], "expires_in": 3600})
    text = made.pop("token")
    assert get(quiet, f"/v1/tokens/{made['id']}") == made
    assert works(quiet, text)
    listed = get(quiet, "/v1/tokens")
    assert text not in str(listed)
    seen = next(token for token in listed["tokens"] if token["id"] == made["id"])
    assert seen["used_at"] is not None
    assert seen | {"used_at": None} == made
    again = post(quiet, f"/v1/tokens/{made['id']}:refresh", token=text)
    assert not works(quiet, text)
    kept = ("name", "scopes", "apps", "kind", "owner", "revoked_at")
    assert {key: again[key] for key in kept} == {key: made[key] for key in kept}
    graced = post(quiet, f"/v1/tokens/{again['id']}:refresh", {"grace": 60})
    assert works(quiet, again["token"])
    assert works(quiet, graced["token"])
    gone = quiet.http.delete(f"/v1/tokens/{graced['id']}", headers=READ).json()
    assert not works(quiet, graced["token"])
    assert quiet.http.delete(f"/v1/tokens/{graced['id']}", headers=READ).json() == gone
    refused = quiet.http.post(f"/v1/tokens/{graced['id']}:refresh", json={}, headers=READ)
    assert (code(refused), refused.json()["where"]) == ((400, "invalid_request"), "id")
    ids = {token["id"] for token in get(quiet, "/v1/tokens")["tokens"]}
    assert ids & {made["id"], again["id"], graced["id"]} == {again["id"]}
    assert {made["id"], graced["id"]} <= {token["id"] for token in get(quiet, "/v1/tokens?ended=true")["tokens"]}


def test_what_a_token_cannot_be(quiet: Api) -> None:
    """Each impossible wish is named; ids that are none are not found."""
    for body, where in (
        ({"scopes": ["wat"]}, "scopes"),
        ({"apps": ["app_other"]}, "apps"),
        ({"apps": ["nope"]}, "apps"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_in": 1, "expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_in": 0}, "expires_in"),
        ({"name": "a\0b"}, "name"),
    ):
        answer = quiet.http.post("/v1/tokens", json=body, headers=READ)
        assert (code(answer), answer.json()["where"]) == ((400, "invalid_request"), where), body
    for token in ("tkn_0", "tkn_999", "tkn_x", "usr_1", "tkn_99999999999999999999", "tkn_%00"):
        assert code(quiet.http.get(f"/v1/tokens/{token}", headers=READ)) == (404, "not_found"), token
    for user in ("usr_999", "nobody"):
        answer = quiet.http.post("/v1/tokens", json={"user": user}, headers=READ)
        assert code(answer) == (404, "not_found"), user


def test_nobody_gives_more_than_he_has(quiet: Api) -> None:
    """No token, user or new text can do what its maker cannot, by scope, by app or in time."""
    every = sorted(ROLE_SCOPES["admin"])
    some = post(quiet, "/v1/tokens", {"scopes": ["tokens.write", "exports.read"], "apps": ["app_tides"]})
    for body in ({"scopes": ["exports.create"]}, {"scopes": every}):
        assert code(quiet.http.post("/v1/tokens", json=body, headers=as_(some["token"]))) == (403, "above_your_rights")
    answer = quiet.http.post("/v1/tokens", json={"apps": ["app_waves"]}, headers=as_(some["token"]))
    assert code(answer) == (400, "invalid_request")
    child = post(quiet, "/v1/tokens", {}, token=some["token"])
    assert (child["scopes"], child["apps"]) == (["exports.read", "tokens.write"], ["app_tides"])
    whole = post(quiet, "/v1/tokens")["id"]
    assert code(quiet.http.post(f"/v1/tokens/{whole}:refresh", headers=as_(some["token"]))) == (
        403,
        "above_your_rights",
    )
    assert code(quiet.http.post("/v1/me/token:reset", headers=as_(some["token"]))) == (403, "above_your_rights")
    short = post(quiet, "/v1/tokens", {"expires_in": 60})
    assert post(quiet, "/v1/tokens", token=short["token"])["expires_at"] == short["expires_at"]
    longer = quiet.http.post("/v1/tokens", json={"expires_in": 3600}, headers=as_(short["token"]))
    assert code(longer) == (403, "above_your_rights")
    keeper = post(quiet, "/v1/tokens", {"scopes": ["users.read", "users.write", "exports.read", "tokens.write"]})
    for user in ({"email": "c@example.com", "role": "admin"}, {"email": "c@example.com"}):
        answer = quiet.http.post("/v1/users", json=user, headers=as_(keeper["token"]))
        assert code(answer) == (403, "above_your_rights"), user
    me = get(quiet, "/v1/me")["id"]
    changes: list[dict[str, Any]] = [{"password": LONG}, {"disabled": True}, {"role": "standard"}]
    for change in changes:
        answer = quiet.http.patch(f"/v1/users/{me}", json=change, headers=as_(keeper["token"]))
        assert code(answer) == (403, "above_your_rights"), change
    tides = post(quiet, "/v1/tokens", {"apps": ["app_tides"]})["token"]
    assert post(quiet, "/v1/users", {"email": "d@example.com"}, token=tides)["apps"] == ["app_tides"]
    assert code(quiet.http.post("/v1/apps", json={"id": "app_x"}, headers=as_(tides))) == (403, "above_your_rights")


def test_a_user_bounds_all_tokens(quiet: Api) -> None:
    """Role, apps and state of the owner hold for tokens that were made before, from the next request on."""
    user, token = user_with_token(quiet, "carl@example.com", role="architect", kind="programmatic")
    path = f"/v1/users/{user}"
    assert set(get(quiet, "/v1/me", token)["scopes"]) == ROLE_SCOPES["architect"]
    changed = quiet.http.patch(path, json={"role": "standard", "apps": ["app_tides"]}, headers=READ).json()
    assert (changed["role"], changed["apps"]) == ("standard", ["app_tides"])
    me = get(quiet, "/v1/me", token)
    assert (me["scopes"], me["granted"]) == (sorted(ROLE_SCOPES["standard"]), ["app_tides"])
    assert [app["id"] for app in get(quiet, "/v1/apps", token)["apps"]] == ["app_tides"]
    assert quiet.http.delete(path, headers=READ).json()["disabled_at"] is not None
    assert not works(quiet, token)
    assert quiet.http.patch(path, json={"disabled": False}, headers=READ).json()["disabled_at"] is None
    assert works(quiet, token)


def test_what_a_user_cannot_be(quiet: Api) -> None:
    """E-mails, passwords, roles and kinds that cannot be are named."""
    for body, where in (
        ({"email": "nobody"}, "email"),
        ({"email": "a@b\0"}, "email"),
        ({"email": "a@example.com", "role": "king"}, "role"),
        ({"email": "a@example.com", "password": "short"}, "password"),
        ({"email": "a@example.com", "password": LONG, "kind": "programmatic"}, "password"),
        ({"email": "a@b\x1fc"}, "email"),
        ({"email": "a@example.com", "apps": ["app_other"]}, "apps"),
        ({"email": "a@example.com", "apps": ["*", "app_other"]}, "apps"),
        ({"email": "a@example.com", "wat": 1}, "wat"),
    ):
        answer = quiet.http.post("/v1/users", json=body, headers=READ)
        assert (code(answer), answer.json()["where"]) == ((400, "invalid_request"), where), body
    assert code(quiet.http.get("/v1/users/usr_999", headers=READ)) == (404, "not_found")


def test_what_is_taken(quiet: Api) -> None:
    """An e-mail of the space and an id of an app are there once; another space may have the e-mail too."""
    post(quiet, "/v1/users", {"email": "ana@example.com"}, token="tok_bob")
    answer = quiet.http.post("/v1/users", json={"email": "ana@example.com"}, headers=READ)
    assert (code(answer), answer.json()["where"]) == ((409, "taken"), "email")
    for app in ("app_waves", "app_other"):
        answer = quiet.http.post("/v1/apps", json={"id": app}, headers=READ)
        assert (code(answer), answer.json()["where"]) == ((409, "taken"), "id"), app


def test_a_space_keeps_an_admin(quiet: Api) -> None:
    """The last enabled admin is neither disabled nor demoted; of two who disable each other at once one remains."""
    me = get(quiet, "/v1/me")["id"]
    for body in ({"disabled": True}, {"role": "architect"}):
        assert code(quiet.http.patch(f"/v1/users/{me}", json=body, headers=READ)) == (409, "last_admin"), body
    assert code(quiet.http.delete(f"/v1/users/{me}", headers=READ)) == (409, "last_admin")
    other, token = user_with_token(quiet, "second@example.com", role="admin")
    start = threading.Barrier(2)
    statuses: list[int] = []

    def disable(user: str, by: str) -> None:
        with httpx.Client(base_url=quiet.http.base_url, timeout=60) as http:
            start.wait()
            statuses.append(http.delete(f"/v1/users/{user}", headers=as_(by)).status_code)

    threads = [threading.Thread(target=disable, args=pair) for pair in ((me, token), (other, "tok_ana"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 403, 409}
    assert [works(quiet, text) for text in ("tok_ana", token)].count(True) == 1


def test_one_token_of_a_user(quiet: Api) -> None:
    """It is made by resetting it, has every right of its user, is there once, and only a reset replaces it."""
    assert get(quiet, "/v1/me")["token"] is None
    first = post(quiet, "/v1/me/token:reset")
    assert (first["kind"], get(quiet, "/v1/me", first["token"])["token"]["id"]) == ("user", first["id"])
    refused = quiet.http.post(f"/v1/tokens/{first['id']}:refresh", json={}, headers=READ)
    assert code(refused) == (400, "invalid_request")
    second = post(quiet, f"/v1/users/{get(quiet, '/v1/me')['id']}/token:reset", token=first["token"])
    assert not works(quiet, first["token"])
    assert get(quiet, "/v1/me")["token"]["id"] == second["id"]
    start = threading.Barrier(4)

    def reset() -> None:
        with httpx.Client(base_url=quiet.http.base_url, timeout=60) as http:
            start.wait()
            assert http.post("/v1/me/token:reset", headers=READ).status_code == 201

    threads = [threading.Thread(target=reset) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [token["kind"] for token in get(quiet, "/v1/tokens")["tokens"]].count("user") == 1


def test_tokens_of_others(quiet: Api) -> None:
    """Whoever may change users has a say in their tokens; others see and reach their own alone."""
    user, token = user_with_token(quiet, "dora@example.com", kind="programmatic")
    (hers,) = get(quiet, "/v1/tokens", token)["tokens"]
    assert [found["id"] for found in get(quiet, f"/v1/tokens?user={user}")["tokens"]] == [hers["id"]]
    ana = next(t["id"] for t in get(quiet, "/v1/tokens")["tokens"] if t["owner"] == "ana@example.com")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", ":refresh")):
        answer = quiet.http.request(method, f"/v1/tokens/{ana}{path}", headers=as_(token))
        assert code(answer) == (404, "not_found"), method
    me = get(quiet, "/v1/me")["id"]
    answer = quiet.http.post("/v1/tokens", json={"user": me}, headers=as_(token))
    assert code(answer) == (404, "not_found")
    assert quiet.http.delete(f"/v1/tokens/{hers['id']}", headers=READ).status_code == 200
    assert not works(quiet, token)


def test_an_app_takes_events_at_once(api: Api) -> None:
    """A new app accepts events with its key and exports them; it is renamed, and a new key makes the old one void."""
    made = post(api, "/v1/apps", {"id": "app_new"})
    assert (made["name"], made["export_key"]) == ("app_new", False)
    body = {"batch": [event("x", T0) | {"session": {"end": True}}]}
    assert api.http.post("/v1/events", json=body, headers=as_(made["write_key"])).json()["accepted"] == 1
    window = {"axis": "available"}
    assert api.http.post("/v1/exports", json={"app": "app_new", "window": window}, headers=READ).status_code == 202
    renamed = api.http.patch("/v1/apps/app_new", json={"name": "New"}, headers=READ).json()
    assert renamed == made | {"name": "New"} == get(api, "/v1/apps/app_new")
    for key in ("write_key", "api_key", "export_key"):
        fresh = post(api, "/v1/apps/app_new/keys:rotate", {"key": key})
        assert fresh["key"] == key
        shown = get(api, "/v1/apps/app_new")
        assert shown[key] == (True if key == "export_key" else fresh["value"])
        assert made[key] != fresh["value"]
    assert api.http.post("/v1/events", json=body, headers=as_(made["write_key"])).status_code == 401
    for bad in ("../x", "", "a b", "x" * 101, "x\n"):
        assert code(api.http.post("/v1/apps", json={"id": bad}, headers=READ)) == (400, "invalid_request"), bad


def test_keys_are_for_admins(quiet: Api) -> None:
    """An architect makes apps and sees no key of any, in no answer, nor makes one; nor does a token of an admin without
    the scope for it. One with that scope does both.
    """
    _, architect = user_with_token(quiet, "arc@example.com", role="architect", kind="programmatic")
    without = post(quiet, "/v1/tokens", {"scopes": ["apps.read", "apps.write"]})["token"]
    for n, token in enumerate((architect, without)):
        made = post(quiet, "/v1/apps", {"id": f"app_{n}"}, token=token)
        renamed = quiet.http.patch(f"/v1/apps/app_{n}", json={"name": "N"}, headers=as_(token)).json()
        for app in (made, renamed, get(quiet, "/v1/apps/app_waves", token), *get(quiet, "/v1/apps", token)["apps"]):
            assert (app["write_key"], app["api_key"]) == (None, None), app
        answer = quiet.http.post(f"/v1/apps/app_{n}/keys:rotate", json={"key": "write_key"}, headers=as_(token))
        assert (code(answer), answer.json()["needs"]) == ((403, "forbidden"), "keys.write")
        assert get(quiet, f"/v1/apps/app_{n}")["write_key"].startswith("wk_")
    keeper = post(quiet, "/v1/tokens", {"scopes": ["apps.read", "keys.write"]})["token"]
    fresh = post(quiet, "/v1/apps/app_0/keys:rotate", {"key": "write_key"}, token=keeper)["value"]
    assert get(quiet, "/v1/apps/app_0", keeper)["write_key"] == fresh


@pytest.mark.parametrize("what", ["tokens", "users", "apps"])
def test_lists_come_in_pages(quiet: Api, what: str) -> None:
    """Pages join without gap or overlap, newest first; what is no page's end is refused."""
    for n in range(4):
        post(quiet, f"/v1/{what}", {"tokens": {}, "users": {"email": f"u{n}@x.com"}, "apps": {"id": f"a{n}"}}[what])
    whole = get(quiet, f"/v1/{what}")
    assert whole["next"] is None
    pages: list[Any] = []
    after: str | None = ""
    while after is not None:
        found = get(quiet, f"/v1/{what}?limit=2{after and f'&after={after}'}")
        assert len(found[what]) <= 2
        pages += found[what]
        after = found["next"]
    strip = [{key: value for key, value in item.items() if key != "used_at"} for item in whole[what]]
    assert [{key: value for key, value in item.items() if key != "used_at"} for item in pages] == strip
    for wrong in ("after=x", "after=YXVkaXQ6MQ==", "after=%C3%A9", "limit=0", "limit=1001", "wat=1"):
        assert code(quiet.http.get(f"/v1/{what}?{wrong}", headers=READ)) == (400, "invalid_request"), wrong
