"""No credential reaches further than its space, its apps and its scopes, on any route that there is.

The routes are those of the application itself: a new one without a case here fails.
"""

import json
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


@dataclass(frozen=True)
class Case:
    """A route as the owner of an export would use it; `open_to` may do so too."""

    method: str
    path: str
    json: Any = None
    open_to: tuple[str, ...] = ()


def cases(export: str, file: str) -> dict[tuple[str, str], Case]:
    """One case for each route and method. The owner's own call must succeed, or the case proves nothing."""
    ask = {"app": "app_waves", "window": {"axis": "available"}}
    base = f"/v1/exports/{export}"
    found = {
        ("POST", "/v1/exports"): Case("POST", "/v1/exports", ask),
        ("POST", "/v1/events"): Case("POST", "/v1/events", event("x", T0), ("write key", "other write key")),
        ("POST", "/v1/tokens"): Case("POST", "/v1/tokens"),
    }
    for route, path in (
        ("/v1/exports/{id}", base),
        ("/v1/exports/{id}/manifest", f"{base}/manifest"),
        ("/v1/exports/{id}/files/{name}", f"{base}/files/{file}"),
    ):
        found |= {(method, route): Case(method, path) for method in ("GET", "HEAD")}
    found[("DELETE", "/v1/exports/{id}")] = Case("DELETE", base)
    found |= {(method, "/healthz"): Case(method, "/healthz", open_to=tuple(STRANGERS)) for method in ("GET", "HEAD")}
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
    headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
    return http.request(case.method, case.path, json=case.json, headers=headers)


def test_every_route_is_closed_to_strangers(api: Api) -> None:
    """Each route, with each credential that has no right to it, answers 401, 403 or 404 and shows nothing of acme."""
    manifest = api.manifest()
    known = cases(manifest["export"], manifest["files"][0]["name"])
    assert known.keys() == routes(api.house)
    hidden = [SECRET, manifest["cursor"], manifest["files"][0]["sha256"]]
    for (method, path), case in known.items():
        for who, credential in STRANGERS.items():
            answer = call(api.http, case, credential)
            if who in case.open_to:
                assert answer.status_code == 200, (method, path, who)
                continue
            assert answer.status_code in (401, 403, 404), (method, path, who, answer.text)
            assert not [text for text in hidden if text in answer.text], (method, path, who)
            if method != "HEAD":
                assert answer.json()["status"] == answer.status_code, (method, path, who)
    for (method, path), case in known.items():
        if path.startswith("/v1/exports"):
            assert call(api.http, case, "tok_ana").is_success, (method, path)


def test_a_stranger_sees_no_difference_between_absent_and_not_its_own(api: Api) -> None:
    """An export, file or app of another space looks exactly like one that does not exist."""
    export = api.manifest()["export"]
    for credential in ("tok_bob", "tok_tides", "tok_no_apps"):
        headers = {"authorization": f"Bearer {credential}"}
        for path in ("/v1/exports/{}", "/v1/exports/{}/manifest", "/v1/exports/{}/files/x"):
            for method in ("GET", "DELETE") if path.endswith("{}") else ("GET",):
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
