"""No credential reaches further than its space, its apps and its scopes, on any operation that there is.

The operations are those of the surfaces; how their owner uses each stands in `owner`: a new one without an example
fails.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import update
from starlette.routing import Route

from tailrace.accounts.keys import token_hash
from tailrace.accounts.provisioning import read_provisioning
from tailrace.app import SURFACES, create_app
from tailrace.db.tables import tokens, users
from tailrace.files.links import Linked, sign
from tailrace.ingest.protocols import PROTOCOLS
from tailrace.jobs.bell import Bell
from tailrace.model.access import SCOPES
from tailrace.model.errors import CsrfRefused, Forbidden, NotFound, Unauthorized
from tailrace.store.ledger import ledger
from tailrace.surfaces.native import NATIVE
from tailrace.web.operations import Operation
from tailrace.web.surface import Surface
from tailrace.wiring import House, provision
from tests.contract.described import check_answer
from tests.contract.live import READ, live
from tests.contract.native.conftest import Api
from tests.contract.owner import EXAMPLES, MAIL, Example, World, operations, owner, use
from tests.sending import T0, event

SECRET = "SECRET_OF_ACME"
# Probes say nothing of any space and take no credential; metrics have a test of their own.
PLAIN = {"/healthz", "/livez", "/readyz", "/metrics"}

MORE = """
[limits]
"logins.burst" = 0
"devtodev.apart_ms" = 0
"devtodev.max_running" = 0
"devtodev.per_day_of_user" = 0
"devtodev.per_day_of_space" = 0
"devtodev.max_downloads" = 0
"devtodev.max_age_days" = 0
[[spaces]]
id = "acme"
[[spaces.users]]
email = "eve@example.com"
role = "admin"
[[spaces]]
id = "other"
[[spaces.users]]
email = "bob@example.com"
role = "admin"
password = "battery staple"
"""
# Who has no valid token, who has one of the owner's that is too narrow, and who is of another space.
Kind = Literal["nobody", "narrow", "scopeless", "other", "cookie"]


@dataclass(frozen=True)
class Stranger:
    """A credential that has no right to what is of app_waves."""

    kind: Kind
    headers: Mapping[str, str]


def bearer(credential: str) -> dict[str, str]:
    """A credential as Bearer."""
    return {"authorization": f"Bearer {credential}"}


def basic(name: str, password: str = "") -> dict[str, str]:
    """A credential as Basic."""
    return {"authorization": httpx.BasicAuth(name, password)._auth_header}


NOBODY = {
    "none": {},
    "unknown": bearer("tok_unknown"),
    "revoked": bearer("tok_revoked"),
    "expired": bearer("tok_expired"),
    "disabled owner": bearer("tok_eve"),
    "session as token": bearer("tok_session"),
    "token as user": basic("tok_ana"),
    "token in another scheme": {"authorization": "Token tok_ana"},
    "write key": bearer("wk_waves"),
    "write key as user": basic("wk_waves"),
    "other write key": bearer("wk_other"),
    "export key": bearer("ek_waves"),
    "api key": bearer("WAVESAPIKEY0000000001"),
    "made-up cookie": {"cookie": "tailrace_session=tok_ana"},
}
# A write key is no token, and a token no write key; each of these has an app to write to.
WRITERS = ("write key", "write key as user", "other write key")


def strangers(api: Api) -> dict[str, Stranger]:
    """All of them by name."""
    found = {name: Stranger("nobody", headers) for name, headers in NOBODY.items()}
    found |= {
        "no scopes": Stranger("scopeless", bearer("tok_nothing")),
        "another app": Stranger("narrow", bearer("tok_tides")),
        "no apps": Stranger("narrow", bearer("tok_no_apps")),
        "other space": Stranger("other", bearer("tok_bob")),
    }
    if "post_login" in operations():
        found |= logged_in(str(api.http.base_url))
    return found


def logged_in(url: str) -> dict[str, Stranger]:
    """A login session of another space, as a browser sends it: with and without the guard against forged requests."""
    with httpx.Client(base_url=url) as http:
        answer = http.post("/v1/login", json={"email": "bob@example.com", "password": "battery staple"})
        assert answer.is_success, answer.text
        cookie = {"cookie": f"tailrace_session={http.cookies['tailrace_session']}"}
        guard = {"x-csrf-token": answer.json()["csrf"]}
    return {"cookie": Stranger("cookie", cookie), "cookie and guard": Stranger("other", cookie | guard)}


def make_tokens(house: House, folder: Path) -> None:
    """Tokens of every kind; some end before they are used."""
    every = json.dumps(list(SCOPES))
    made = [
        ("tok_nothing", MAIL, "[]", '["*"]'),
        ("tok_tides", MAIL, every, '["app_tides"]'),
        ("tok_no_apps", MAIL, every, "[]"),
        ("tok_revoked", MAIL, every, '["*"]'),
        ("tok_expired", MAIL, every, '["*"]'),
        ("tok_session", MAIL, every, '["*"]'),
        ("tok_eve", "eve@example.com", every, '["*"]'),
        *((f"tok_without_{scope}", MAIL, json.dumps([s for s in SCOPES if s != scope]), '["*"]') for scope in SCOPES),
        *((f"tok_only_{scope}", MAIL, json.dumps([scope]), '["*"]') for scope in SCOPES),
    ]
    tables = [
        f'[[spaces.tokens]]\nvalue = "{value}"\nuser = "{user}"\nscopes = {scopes}\napps = {apps}\n'
        for value, user, scopes, apps in made
    ]
    path = folder / "more.toml"
    path.write_text(MORE.replace('[[spaces]]\nid = "other"', "".join(tables) + '[[spaces]]\nid = "other"'))
    provision(house, read_provisioning(path))
    ends: dict[str, dict[str, Any]] = {
        "tok_revoked": {"revoked_at": T0},
        "tok_expired": {"expires_at": T0},
        "tok_session": {"kind": "login"},
    }
    with house.database.write() as connection:
        for token, values in ends.items():
            found = tokens.c.hash == token_hash(house.identity.secret, token)
            assert connection.execute(update(tokens).where(found).values(**values)).rowcount == 1
        gone = update(users).where(users.c.email == "eve@example.com").values(disabled_at=T0)
        assert connection.execute(gone).rowcount == 1


@pytest.fixture
def api(house: House, tmp_path: Path) -> Iterator[Api]:
    """A served store with one event of acme, and tokens of every kind."""
    house.settings.seal.interval_ms = 3_600_000
    make_tokens(house, tmp_path)
    with live(house, exporters=1) as http:
        api = Api(http, house)
        api.send(event("e", T0, params={"secret": SECRET}))
        api.seal()
        yield api


@pytest.fixture
def world(api: Api) -> World:
    """The same with one export of acme."""
    return World(api, api.manifest())


def expected(operation: Operation, example: Example, name: str, stranger: Stranger) -> set[int]:
    """The statuses that a stranger may be answered with; 0 stands for all but those of failures."""
    if operation.security == "none":
        return {0}
    if operation.security == "signed":
        return {example.status}
    if operation not in NATIVE.operations:
        return in_its_words(operation, example, stranger)
    if operation.security == "write_key":
        return {example.status} if name in WRITERS else {401}
    if operation.security == "login" or stranger.kind == "nobody":
        return {401}
    if operation.scope is not None and stranger.kind == "scopeless":
        return {403}
    if example.whose == "caller":
        return {0}
    return {403, 404} if stranger.kind == "cookie" else {404}


def in_its_words(operation: Operation, example: Example, stranger: Stranger) -> set[int]:
    """The same for a dialect: what its own surface answers to who is nobody, may not, or knows of no such thing."""
    surface = surface_of(operation)
    without_key = operation.security == "key" and "authorization" not in stranger.headers
    if stranger.kind == "nobody" or without_key:
        return {surface.reply(Unauthorized()).status_code}
    if operation.scope is not None and stranger.kind == "scopeless":
        return {surface.reply(Forbidden(operation.scope)).status_code}
    if example.whose == "caller":
        return {0}
    kind = "export" if example.path else "app"
    refused = {surface.reply(NotFound(kind, "")).status_code}
    return refused | ({surface.reply(CsrfRefused()).status_code} if stranger.kind == "cookie" else set())


def surface_of(operation: Operation) -> Surface:
    """The surface that has an operation."""
    return next(surface for surface in SURFACES if operation in surface.operations)


def hidden(world: World, stranger: Stranger) -> list[str]:
    """What no stranger may read; the e-mail address is no secret of those who have it."""
    secrets = [SECRET, world.manifest["cursor"], world.manifest["files"][0]["sha256"]]
    return secrets if stranger.kind in ("narrow", "scopeless") else [*secrets, MAIL]


def applies(example: Example, stranger: Stranger) -> bool:
    """What is the space's is no secret of a token of the space, whichever apps it is granted."""
    return example.whose != "space" or stranger.kind != "narrow"


def test_every_operation_has_an_example() -> None:
    """The table of examples has a row for each operation of each surface, and no other row."""
    names = [operation.name for surface in SURFACES for operation in surface.operations]
    assert set(EXAMPLES) == set(names)
    assert len(names) == len(set(names))


def test_the_application_has_no_other_routes(house: House) -> None:
    """What the application routes is what the operations say, each GET with its HEAD, a few plain routes, and where
    SDKs send: those paths know write keys only, and the suite of ingest protocols tries them.
    """
    sending = {path for protocol in PROTOCOLS.values() for door in protocol.doors for path in door.paths}
    found = [route for route in create_app(house, Bell()).routes if getattr(route, "path", None) not in sending]
    assert all(isinstance(route, Route) for route in found), "a mount or socket needs a walk of its own"
    routed = [(route.path, route.methods) for route in found if isinstance(route, Route)]
    known: dict[str, set[str]] = {}
    for operation in operations().values():
        known.setdefault(operation.path, set()).update(methods(operation))
    assert {path: methods for path, methods in routed if path not in PLAIN} == known
    assert {path for path, _ in routed} >= PLAIN


def methods(operation: Operation) -> Sequence[str]:
    """The methods that an operation answers."""
    return ("GET", "HEAD") if operation.method == "GET" else (operation.method,)


def test_every_route_is_closed_to_strangers(world: World) -> None:
    """Each operation, with each credential that has no right to it, is refused and shows nothing of acme.

    What answers about its caller may succeed, for the caller. Then the owner makes the same request and succeeds, so
    the refusals prove something; every answer is one that the description has.
    """
    http, known = world.api.http, strangers(world.api)
    for name, operation in operations().items():
        example = EXAMPLES[name](world)
        for who, stranger in known.items():
            if applies(example, stranger):
                refuse(world, operation, example, who, stranger)
        mine = EXAMPLES[name](world)  # a stranger may have taken what the first one would make
        answer = use(http, operation, mine, owner(operation))
        assert answer.status_code == mine.status, (name, answer.text)
        check_answer(operation, answer)
        if "logout" in name:
            known = strangers(world.api)  # those who were logged in have logged out


def refuse(world: World, operation: Operation, example: Example, who: str, stranger: Stranger) -> None:
    """Have a stranger try an operation, as GET and HEAD where it takes both."""
    statuses = expected(operation, example, who, stranger)
    for method in methods(operation):
        answer = use(world.api.http, operation, example, stranger.headers, method)
        what = (operation.name, who, answer.status_code, answer.text)
        assert answer.status_code in statuses or (statuses == {0} and answer.status_code < 500), what
        assert not [text for text in hidden(world, stranger) if text in answer.text + str(answer.headers)], what
        check_answer(operation, answer)
        if method != "HEAD" and not answer.is_success and operation in NATIVE.operations:
            assert answer.json()["status"] == answer.status_code, what


def test_strangers_are_refused_for_what_they_are(api: Api) -> None:
    """The tokens that have ended worked until then, and the others work where they belong: refusals prove something."""
    with api.house.database.write() as connection:
        connection.execute(update(tokens).values(revoked_at=None, expires_at=None, kind="api"))
        connection.execute(update(users).values(disabled_at=None))
    body = {"app": "app_waves", "window": {"axis": "available"}}
    for token in ("tok_revoked", "tok_expired", "tok_session", "tok_eve"):
        assert api.http.post("/v1/exports", json=body, headers=bearer(token)).status_code == 202, token


def test_a_scope_is_needed_and_is_enough(world: World) -> None:
    """Where an operation has a scope, one with all scopes but that gets 403, and one with just that succeeds, unless
    it would give somebody more than it has itself.
    """
    scoped = [operation for operation in operations().values() if operation.scope is not None]
    assert scoped
    for operation in scoped:
        refused = use(
            world.api.http, operation, EXAMPLES[operation.name](world), bearer(f"tok_without_{operation.scope}")
        )
        wanted = surface_of(operation).reply(Forbidden(operation.scope or ""))
        assert (refused.status_code, refused.content) == (wanted.status_code, bytes(wanted.body)), operation.name
        example = EXAMPLES[operation.name](world)
        taken = use(world.api.http, operation, example, bearer(f"tok_only_{operation.scope}"))
        above = taken.status_code == 403 and ("above_your_rights" in taken.text or "above your rights" in taken.text)
        assert above or taken.status_code == example.status, (operation.name, taken.text)


def test_a_stranger_sees_no_difference_between_absent_and_not_its_own(world: World) -> None:
    """An export, file, app or whatever a path or body names looks, if it is another's, as if it did not exist."""
    compared = set()
    for name, operation in operations().items():
        example = EXAMPLES[name](world)
        for other in absent(example) if example.whose != "caller" else ():
            for who, stranger in strangers(world.api).items():
                if stranger.kind in ("other", "narrow") and applies(example, stranger):
                    compared.add(name)
                    there, not_there = (use(world.api.http, operation, e, stranger.headers) for e in (example, other))
                    assert there.status_code == not_there.status_code, (name, who)
                    assert there.status_code in expected(operation, example, who, stranger), (name, who)
                    assert same_names(there.text, example) == same_names(not_there.text, other), (name, who)
    assert compared >= {
        "post_export",
        "get_export",
        "delete_export",
        "get_manifest",
        "get_file",
        "post_raw_data",
        "get_raw_data",
        "send_new_request",
        "get_job",
        "get_explore",
        "get_app_page",
        "get_user_page",
    }


def absent(example: Example) -> Iterator[Example]:
    """The same request for things that do not exist."""
    if example.path:
        yield replace(example, path={name: f"{value.partition('_')[0]}_absent" for name, value in example.path.items()})
    if example.form is not None and "app" in example.form:
        yield replace(example, form={**example.form, "app": "app_absent"})
    if isinstance(example.json, dict) and "app" in example.json:
        yield replace(example, json=example.json | {"app": "app_absent"})
    if isinstance(example.json, dict) and "data" in example.json:
        attributes = example.json["data"]["attributes"] | {"apiKey": "ABSENTAPIKEY00000001"}
        yield replace(example, json={"data": example.json["data"] | {"attributes": attributes}})


def same_names(text: str, example: Example) -> str:
    """An answer with the names that the request gave left out."""
    app = example.json["app"] if isinstance(example.json, dict) and "app" in example.json else None
    app = app or (example.form or {}).get("app")
    for name in (*example.path.values(), app):
        text = text.replace(name, "…") if name else text
    return text


def test_a_token_of_an_app_has_that_app(api: Api) -> None:
    """The credentials that are refused elsewhere are good where they belong, so the refusals prove something."""
    body = {"app": "app_tides", "window": {"axis": "available"}}
    for token, status in (("tok_tides", 202), ("tok_ana", 202), ("tok_no_apps", 404), ("tok_nothing", 403)):
        answer = api.http.post("/v1/exports", json=body, headers=bearer(token))
        assert answer.status_code == status, token
    other = {"app": "app_other", "window": {"axis": "available"}}
    assert api.http.post("/v1/exports", json=other, headers=bearer("tok_bob")).status_code == 202
    assert api.http.post("/v1/exports", json=other, headers=READ).status_code == 404


def test_a_write_key_writes_to_its_own_app_alone(api: Api) -> None:
    """What a key sends is in the app of the key; no record can name another."""
    before = {app: ledger(api.house.database, api.scope(app)).received for app in ("app_waves", "app_tides")}
    for app in ("app", "app_id", "space"):
        body = {"batch": [event("x", T0) | {app: "app_waves"}]}
        answer = api.http.post("/v1/events", json=body, headers=bearer("wk_tides"))
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
