"""No credential reaches further than its space, its apps and its scopes, on any route that there is.

The routes are those of the application itself: a new one without a case here fails.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.routing import Route

from tailrace.accounts.provisioning import read_provisioning
from tailrace.app import create_app
from tailrace.files.links import Linked, sign
from tailrace.jobs.bell import Bell
from tailrace.store.ledger import ledger
from tailrace.wiring import House, provision
from tests.contract.live import READ, live
from tests.contract.native.conftest import Api
from tests.sending import T0, event

SECRET = "SECRET_OF_ACME"

MORE = """
[[spaces]]
id = "acme"
[[spaces.tokens]]
value = "tok_nothing"
user = "ana@example.com"
scopes = []
[[spaces.tokens]]
value = "tok_tides"
user = "ana@example.com"
apps = ["app_tides"]
[[spaces.tokens]]
value = "tok_no_apps"
user = "ana@example.com"
apps = []
"""
# Whose credential, and what each is refused with. A write key is no token, and a token no write key.
STRANGERS = {
    "none": None,
    "unknown": "tok_unknown",
    "other space": "tok_bob",
    "no scopes": "tok_nothing",
    "another app": "tok_tides",
    "no apps": "tok_no_apps",
    "write key": "wk_waves",
    "other write key": "wk_other",
    "export key": "ek_waves",
    "api key": "WAVESAPIKEY0000000001",
}

# Whoever has the scope reads metrics, but of its own apps alone: the last test below.
METRICS = ("other space", "another app", "no apps")


# Who has the right to things of one's own space, and to those of one's own user.
SAME_USER = ("another app", "no apps")
OWN = ("other space", *SAME_USER)


@dataclass(frozen=True)
class Case:
    """A route as the owner of an export would use it; `open_to` may do so too, and sees what is theirs."""

    method: str
    path: str
    json: Any = None
    open_to: tuple[str, ...] = ()


def cases(http: httpx.Client, export: str, file: str) -> dict[tuple[str, str], Case]:
    """One case for each route and method. The owner's own call must succeed, or the case proves nothing."""
    ask = {"app": "app_waves", "window": {"axis": "available"}}
    base = f"/v1/exports/{export}"
    bulk = "/v1/$export?app=app_waves"
    found = {
        ("GET", "/v1/exports"): Case("GET", "/v1/exports?app=app_waves"),
        ("HEAD", "/v1/exports"): Case("HEAD", "/v1/exports?app=app_waves"),
        ("POST", "/v1/exports:estimate"): Case("POST", "/v1/exports:estimate", ask),
        ("POST", "/v1/exports/{id}:rerun"): Case("POST", f"{base}:rerun"),
        ("GET", "/v1/$export"): Case("GET", bulk),
        ("HEAD", "/v1/$export"): Case("HEAD", bulk),
        ("POST", "/v1/exports"): Case("POST", "/v1/exports", ask),
        ("POST", "/v1/events"): Case("POST", "/v1/events", event("x", T0), ("write key", "other write key")),
    }
    for route, path in (
        ("/v1/exports/{id}", base),
        ("/v1/exports/{id}/progress", f"{base}/progress"),
        ("/v1/exports/{id}/manifest", f"{base}/manifest"),
        ("/v1/exports/{id}/files/{name}", f"{base}/files/{file}"),
        ("/v1/$export/{id}", f"/v1/$export/{export}"),
    ):
        found |= {(method, route): Case(method, path) for method in ("GET", "HEAD")}
    found[("DELETE", "/v1/exports/{id}")] = Case("DELETE", base)
    found[("DELETE", "/v1/$export/{id}")] = Case("DELETE", f"/v1/$export/{export}")  # the last: it is gone afterwards
    found |= account_cases(http)
    for path, open_to in (
        ("/healthz", tuple(STRANGERS)),
        ("/livez", tuple(STRANGERS)),
        ("/readyz", tuple(STRANGERS)),
        ("/metrics", METRICS),
    ):
        found |= {(method, path): Case(method, path, open_to=open_to) for method in ("GET", "HEAD")}
    return found


def account_cases(http: httpx.Client) -> dict[tuple[str, str], Case]:
    """The routes of accounts; what they would change of acme is the user, the app or a token of the owner."""
    me = http.get("/v1/me", headers=READ).json()["id"]
    kept, revoked = (http.post("/v1/tokens", headers=READ).json()["id"] for _ in range(2))
    user, app, token = f"/v1/users/{me}", "/v1/apps/app_waves", f"/v1/tokens/{kept}"
    wrong = {"current": "a wrong password", "password": "a long enough one"}
    setup = {"token": "x", "email": "x@example.com", "password": "a long enough one"}
    listed = [
        ("POST /v1/tokens", Case("POST", "/v1/tokens", {}, OWN)),
        ("POST /v1/tokens/{id}:refresh", Case("POST", f"{token}:refresh", {})),
        ("DELETE /v1/tokens/{id}", Case("DELETE", f"/v1/tokens/{revoked}", open_to=SAME_USER)),
        ("POST /v1/users", Case("POST", "/v1/users", {"email": "x@example.com"}, OWN)),
        ("PATCH /v1/users/{id}", Case("PATCH", user, {"role": "standard"})),
        ("DELETE /v1/users/{id}", Case("DELETE", user)),
        ("POST /v1/users/{id}/token:reset", Case("POST", f"{user}/token:reset")),
        ("POST /v1/apps", Case("POST", "/v1/apps", {"id": "app_new"}, ("other space",))),
        ("PATCH /v1/apps/{id}", Case("PATCH", app, {"name": "x"})),
        ("POST /v1/apps/{id}/keys:rotate", Case("POST", f"{app}/keys:rotate", {"key": "write_key"})),
        ("POST /v1/me/password", Case("POST", "/v1/me/password", wrong)),
        ("POST /v1/me/token:reset", Case("POST", "/v1/me/token:reset", open_to=("other space",))),
        ("POST /v1/login", Case("POST", "/v1/login", {"email": "x@example.com", "password": "x"})),
        ("POST /v1/logout", Case("POST", "/v1/logout")),
        ("POST /v1/logout:everywhere", Case("POST", "/v1/logout:everywhere", open_to=OWN)),
        ("POST /v1/setup", Case("POST", "/v1/setup", setup)),
        ("POST /setup", Case("POST", "/setup")),
    ]
    found = {(name.split()[0], name.split()[1]): case for name, case in listed}
    for path, real, open_to in (
        ("/v1/me", "/v1/me", (*OWN, "no scopes")),
        ("/v1/tokens", "/v1/tokens", OWN),
        ("/v1/tokens/{id}", token, SAME_USER),
        ("/v1/users", "/v1/users", OWN),
        ("/v1/users/{id}", user, SAME_USER),
        ("/v1/apps", "/v1/apps", OWN),
        ("/v1/apps/{id}", app, ()),
        ("/v1/audit", "/v1/audit", OWN),
        ("/setup", "/setup", ()),
    ):
        found |= {(method, path): Case(method, real, open_to=open_to) for method in ("GET", "HEAD")}
    return found


@pytest.fixture
def api(house: House, tmp_path: Path) -> Iterator[Api]:
    """A served store with one export of acme."""
    house.settings.seal.interval_ms = 3_600_000
    path = tmp_path / "more.toml"
    path.write_text(MORE)
    provision(house, read_provisioning(path))
    with live(house, exporters=1) as http:
        api = Api(http, house)
        api.send(event("e", T0, params={"secret": SECRET}))
        api.seal()
        yield api


def routes(house: House) -> set[tuple[str, str]]:
    """Method and path of every route of the application."""
    found = create_app(house, Bell()).routes
    assert all(isinstance(route, Route) for route in found), "a mount or socket needs a walk of its own"
    return {
        (method, route.path)
        for route in found
        if isinstance(route, Route)
        for method in route.methods or {"every method"}
    }


def call(http: httpx.Client, case: Case, credential: str | None) -> httpx.Response:
    """Use a route with a credential, as Bearer."""
    headers = {"prefer": "respond-async"}
    if credential is not None:
        headers["authorization"] = f"Bearer {credential}"
    return http.request(case.method, case.path, json=case.json, headers=headers)


def test_every_route_is_closed_to_strangers(api: Api) -> None:
    """Each route, with each credential that has no right to it, answers 401, 403 or 404 and shows nothing of acme."""
    manifest = api.manifest()
    known = cases(api.http, manifest["export"], manifest["files"][0]["name"])
    assert known.keys() == routes(api.house)
    hidden = [SECRET, manifest["cursor"], manifest["files"][0]["sha256"]]
    for (method, path), case in known.items():
        for who, credential in STRANGERS.items():
            answer = call(api.http, case, credential)
            if who in case.open_to:
                assert answer.is_success or answer.json()["code"] == "taken", (method, path, who, answer.text)
                theirs = [*hidden, manifest["export"], "wk_waves"]
                assert not [text for text in theirs if text in answer.text], (method, path, who)
                continue
            closed = (401, 403, 404, 429) if path == "/v1/login" else (401, 403, 404)
            assert answer.status_code in closed, (method, path, who, answer.text)
            assert not [text for text in hidden if text in answer.text], (method, path, who)
            if method != "HEAD" and path != "/setup":  # a page for people
                assert answer.json()["status"] == answer.status_code, (method, path, who)
    for (method, path), case in known.items():
        if path.startswith(("/v1/exports", "/v1/$export")):
            assert call(api.http, case, "tok_ana").is_success, (method, path)


def test_a_stranger_sees_no_difference_between_absent_and_not_its_own(api: Api) -> None:
    """An export, file or app of another space looks exactly like one that does not exist."""
    export = api.manifest()["export"]
    for credential in ("tok_bob", "tok_tides", "tok_no_apps"):
        headers = {"authorization": f"Bearer {credential}"}
        for method, path in (
            ("GET", "/v1/exports/{}"),
            ("DELETE", "/v1/exports/{}"),
            ("POST", "/v1/exports/{}:rerun"),
            ("GET", "/v1/exports/{}/progress"),
            ("GET", "/v1/exports/{}/manifest"),
            ("GET", "/v1/exports/{}/files/x"),
            ("GET", "/v1/$export/{}"),
            ("DELETE", "/v1/$export/{}"),
        ):
            answers = [api.http.request(method, path.format(e), headers=headers) for e in (export, "exp_absent")]
            assert [a.status_code for a in answers] == [404, 404]
            assert answers[0].json() == json.loads(answers[1].text.replace("exp_absent", export))
        bodies = [{"app": app, "window": {"axis": "available"}} for app in ("app_waves", "app_absent")]
        asked = [api.http.post("/v1/exports", json=body, headers=headers) for body in bodies]
        assert [a.status_code for a in asked] == [404, 404]
        assert asked[0].json() == json.loads(asked[1].text.replace("app_absent", "app_waves"))


def test_a_token_of_an_app_has_that_app(api: Api) -> None:
    """The credentials that are refused elsewhere are good where they belong, so the refusals prove something."""
    body = {"app": "app_tides", "window": {"axis": "available"}}
    for token, status in (("tok_tides", 202), ("tok_ana", 202), ("tok_no_apps", 404), ("tok_nothing", 403)):
        answer = api.http.post("/v1/exports", json=body, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status, token
    other = {"app": "app_other", "window": {"axis": "available"}}
    bob = {"authorization": "Bearer tok_bob"}
    assert api.http.post("/v1/exports", json=other, headers=bob).status_code == 202
    assert api.http.post("/v1/exports", json=other, headers=READ).status_code == 404


def test_a_write_key_writes_to_its_own_app_alone(api: Api) -> None:
    """What a key sends is in the app of the key; no record can name another."""
    before = {app: ledger(api.house.database, api.scope(app)).received for app in ("app_waves", "app_tides")}
    for app in ("app", "app_id", "space"):
        body = {"batch": [event("x", T0) | {app: "app_waves"}]}
        answer = api.http.post("/v1/events", json=body, headers={"authorization": "Bearer wk_tides"})
        assert answer.json()["accepted"] == 0
    assert ledger(api.house.database, api.scope("app_waves")).received == before["app_waves"]
    assert ledger(api.house.database, api.scope("app_tides")).received == before["app_tides"] + 3


def test_metrics_tell_of_ones_own_apps_alone(api: Api) -> None:
    """Of apps each token sees the series of those that it is granted, and no name of any other."""
    for token, seen in (
        ("tok_ana", {"acme/app_waves", "acme/app_tides"}),
        ("tok_tides", {"acme/app_tides"}),
        ("tok_bob", {"other/app_other"}),
        ("tok_no_apps", set()),
    ):
        text = api.http.get("/metrics", headers={"authorization": f"Bearer {token}"}).text
        found = set(re.findall(r'^tailrace_records_received_total{app="(\w+)",space="(\w+)"}', text, re.MULTILINE))
        assert {f"{space}/{app}" for app, space in found} == seen, token
        names = {"app_waves", "app_tides", "app_other", "acme"} - {part for name in seen for part in name.split("/")}
        assert not [name for name in names if name in text], token


def test_a_link_opens_its_own_file_and_nothing_else(api: Api) -> None:
    """A link whose export, file, end or signature is altered or left out is unknown, whatever it is altered to, as is
    one of another space's key; a token beside it changes nothing. The same link unaltered is good.
    """
    manifest, other = api.manifest(shape="tables", format="csv", packing="none"), api.manifest()
    link = urlsplit(manifest["files"][0]["url"])
    query = {key: values[0] for key, values in parse_qs(link.query).items()}
    space, name = api.scope("app_other").space, manifest["files"][0]["name"]
    theirs = sign(api.house.identity.secret, Linked(space, manifest["export"], name), 1 << 40)
    altered = [
        (link.path.replace(manifest["export"], other["export"]), query),
        (link.path.replace(manifest["export"], "exp_absent"), query),
        (link.path.replace(manifest["files"][0]["name"], manifest["schema"]["name"]), query),
        (link.path.replace(manifest["files"][0]["name"], "absent"), query),
        (link.path, query | {"expires": str(int(query["expires"]) + 1)}),
        (link.path, query | {"expires": "0"}),
        (link.path, query | {"signature": query["signature"].swapcase()}),
        (link.path, query | {"signature": query["signature"] + "="}),
        (link.path, query | {"signature": ""}),
        (link.path, query | {"signature": "\u00e9"}),
        (link.path, {"signature": query["signature"]}),
        (link.path, {"expires": query["expires"]}),
        (link.path, {"expires": str(1 << 40), "signature": theirs}),
        (urlsplit(other["files"][0]["url"]).path, query),
    ]
    for path, parameters in altered:
        headers = READ if "signature" in parameters else {}
        answer = api.http.get(path, params=parameters, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), (path, parameters)
        assert SECRET not in answer.text
    for token in ("tok_bob", "tok_nothing"):
        answer = api.http.get(link.path, params=query, headers={"authorization": f"Bearer {token}"})
        assert (answer.status_code, len(answer.content)) == (200, manifest["files"][0]["bytes"])
    elsewhere = api.http.get(f"/v1/exports/{manifest['export']}/manifest", params=query)
    assert elsewhere.status_code == 401
