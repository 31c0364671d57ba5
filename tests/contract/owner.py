"""How the owner of things uses each operation: one table for the walk, the check of answers and the fuzzing.

An operation without an example fails tests/contract/test_isolation.py. An example is made anew for each use, so what
deletes something may make it first.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from secrets import token_hex
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import httpx

from tailrace.accounts.defaults import set_default_apps
from tailrace.app import SURFACES
from tailrace.delivery.refusals import refusal_link
from tailrace.model.hashing import actor_hash
from tailrace.store.deadletters import listing
from tailrace.web.operations import Operation
from tests.contract.live import READ, WRITE
from tests.contract.native.conftest import WAIT_S, Api
from tests.sending import T0, event

MAIL, PASSWORD = "ana@example.com", "correct horse"

# Whose what an operation gives or changes is: an app's, the space's, or that of whoever calls.
Whose = Literal["app", "space", "caller"]

# What the owner sends, by the operation's security; a token for all others.
_CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "write_key": WRITE,
    "login": {"authorization": httpx.BasicAuth(MAIL, PASSWORD)._auth_header},
}


@dataclass(frozen=True)
class World:
    """A served store with an export of app_waves that has succeeded, and its manifest."""

    api: Api
    manifest: Mapping[str, Any]

    @property
    def export(self) -> str:
        """The export's id."""
        found: str = self.manifest["export"]
        return found

    @cached_property
    def raw_data(self) -> str:
        """The number of a request for raw data that has succeeded."""
        answer = self.api.http.post("/pulse/v1/rawData", json=_RAW_DATA, headers=READ)
        assert answer.status_code == 201, answer.text
        number: str = answer.json()["data"]["id"]
        deadline = time.monotonic() + WAIT_S
        while (
            self.api.http.get(f"/pulse/v1/rawData/{number}", headers=READ).json()["data"]["attributes"]["s3URI"] is None
        ):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return number

    @cached_property
    def job(self) -> str:
        """The id of a job that is complete."""
        answer = self.api.http.post("/api/v1/rawexport/setjob", json=_DEVTODEV_JOB.json)
        assert answer.status_code == 200, answer.text
        look: dict[str, str] = {"user_token": "tok_ana", "job_id": answer.json()["data"]}
        deadline = time.monotonic() + WAIT_S
        while self.api.http.post("/api/v1/rawexport/getprogress", json=look).status_code != 201:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return look["job_id"]

    @cached_property
    def delivery(self) -> str:
        """The id of a delivery of an export that has ended: nobody may connect to where it should go."""
        hook = {"kind": "webhook", "url": "http://127.0.0.1:1/"}
        place = self.api.ask(deliveries=[hook]).headers["location"]
        deadline = time.monotonic() + WAIT_S
        while True:
            (found,) = self.api.http.get(f"{place}/deliveries", headers=READ).json()["deliveries"]
            if found["state"] == "failed":
                id_: str = found["id"]
                return id_
            assert time.monotonic() < deadline, found
            time.sleep(0.01)

    @property
    def letter(self) -> str:
        """The number of a dead letter of app_waves."""
        self.api.send({"event": "no time"})
        return str(listing(self.api.house.database, self.api.scope())[-1].number)

    @cached_property
    def bundle(self) -> int:
        """The id of a bundle of app_waves, which is made the default app of its space; the other space has one, too."""
        scopes = [self.api.scope(app) for app in ("app_waves", "app_other")]
        with self.api.house.database.write() as connection:
            for scope in scopes:
                set_default_apps(connection, scope.space, {"fullstory": scope.app_id})
        deadline = time.monotonic() + WAIT_S
        while not (answer := self.api.http.get("/api/v1/export/list", headers=READ)).json().get("exports"):
            assert answer.status_code in (200, 503), answer.text
            assert time.monotonic() < deadline
            time.sleep(0.2)
        number: int = answer.json()["exports"][0]["ID"]
        return number

    @property
    def file(self) -> str:
        """The name of its first file."""
        found: str = self.manifest["files"][0]["name"]
        return found


@dataclass(frozen=True)
class Example:
    """A request that succeeds when the owner makes it, with a status."""

    status: int = 200
    whose: Whose = "app"
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _of_export(status: int = 200) -> Callable[[World], Example]:
    return lambda world: Example(status, path={"id": world.export})


def _of_form(whose: Whose, id_: str, form: Mapping[str, str], status: int = 200) -> Example:
    return Example(status, whose, path={"id": id_}, form=form)


def _of(whose: Whose, id_: str, status: int = 200, json: Any = None) -> Example:
    return Example(status, whose, path={"id": id_}, json=json)


_SETUP = {"token": "no such", "email": "x@example.com", "password": "a long enough one"}
_ASK = {"app": "app_waves", "window": {"axis": "available"}}

_RAW_DATA = {
    "data": {
        "type": "rawData",
        "attributes": {"startTime": 0, "endTime": 1, "outputFormat": "JSON", "apiKey": "WAVESAPIKEY0000000001"},
    }
}


def _of_bundles(world: World, **asked: Any) -> Example:
    """A list of bundles, once there are some: each key gets those of its own app."""
    assert world.bundle
    return Example(whose="caller", **asked)


def _raw_file(world: World) -> Example:
    """The file of a request of the owner's, by its link: whoever has that needs nothing else."""
    found = world.api.http.get(f"/pulse/v1/rawData/{world.raw_data}", headers=READ).json()
    link = urlsplit(found["data"]["attributes"]["s3URI"])
    number, name = link.path.split("/")[-2:]
    return Example(whose="caller", path={"id": number, "name": name}, query=dict(parse_qsl(link.query)))


# Whoever calls by this dialect brings the token in the body or in the query; its own tests try other ones.
_DEVTODEV_JOB = Example(
    whose="caller",
    json={"user_token": "tok_ana", "app_id": "app_waves", "start_date": T0 // 1000 - 60, "end_date": T0 // 1000 + 60},
)


def _look(world: World) -> dict[str, str]:
    """A look at the owner's job, or at its report."""
    return {"user_token": "tok_ana", "job_id": world.job}


def _unsubscribe(world: World) -> Example:
    """The link of a letter: whoever has that needs nothing else."""
    link = refusal_link(world.api.house.identity.secret, "", world.api.scope().space, MAIL)
    return Example(whose="caller", query=dict(parse_qsl(urlsplit(link).query)))


_DESTINATION = {"kind": "webhook", "url": "https://x.example/"}


def _destination(world: World) -> str:
    """The name of a new destination."""
    name = f"d{token_hex(4)}"
    answer = world.api.http.post("/v1/destinations", json={"name": name, "target": _DESTINATION}, headers=READ)
    assert answer.status_code == 201, answer.text
    return name


_PROFILE = {"actor": "d1", "set": {"is_tester": True}}


def _profile(world: World) -> Example:
    """What is known of a user of whom something is set."""
    answer = world.api.http.patch("/v1/apps/app_waves/profiles", json=_PROFILE, headers=READ)
    assert answer.status_code == 200, answer.text
    return Example(path={"id": "app_waves"}, query={"actor": "d1"})


def _of_person(form: Mapping[str, str] | None = None) -> Example:
    """The user whose event was sealed."""
    path = {"id": "app_waves", "actor": actor_hash("app_waves", "d1").hex()}
    return Example(200 if form is None else 303, path=path, form=form)


EXAMPLES: Mapping[str, Callable[[World], Example]] = {
    "get_deliveries": _of_export(),
    "get_delivery": lambda world: _of("app", world.delivery),
    "replay_delivery": lambda world: _of("app", world.delivery, 202),
    "get_webhook_key": lambda _: Example(whose="caller"),
    "show_unsubscribe": _unsubscribe,
    "post_unsubscribe": _unsubscribe,
    "get_destinations": lambda _: Example(whose="caller"),
    "post_destination": lambda _: Example(
        201, whose="caller", json={"name": f"d{token_hex(4)}", "target": _DESTINATION}
    ),
    "delete_destination": lambda world: Example(whose="space", path={"name": _destination(world)}),
    "post_events": lambda _: Example(whose="caller", json={"batch": [event("x", T0)]}),
    "post_export": lambda _: Example(202, json=_ASK),
    "get_export": _of_export(),
    "delete_export": _of_export(),
    "get_manifest": _of_export(),
    "get_file": lambda world: Example(path={"id": world.export, "name": world.file}),
    "list_all_exports": lambda _: Example(whose="caller"),
    "estimate_export": lambda _: Example(json=_ASK),
    "rerun_export": _of_export(202),
    "get_progress": _of_export(),
    "kick_off": lambda _: Example(202, query={"app": "app_waves"}, headers={"prefer": "respond-async"}),
    "get_bulk": _of_export(),
    "delete_bulk": lambda world: Example(202, path={"id": world.api.manifest()["export"]}),
    "get_me": lambda _: Example(whose="caller"),
    "post_my_password": lambda _: Example(whose="caller", json={"current": PASSWORD, "password": PASSWORD}),
    "reset_my_token": lambda _: Example(201, whose="caller"),
    "post_login": lambda _: Example(whose="caller", json={"email": MAIL, "password": PASSWORD}),
    "post_logout": lambda _: Example(401, whose="caller"),  # the owner comes with a token, which has no session
    "post_logout_everywhere": lambda _: Example(whose="caller"),
    "get_tokens": lambda _: Example(whose="caller"),
    "post_token": lambda _: Example(201, whose="caller", json={}),
    "get_token": lambda world: _of("space", made(world, "tokens", {})),
    "delete_token": lambda world: _of("space", made(world, "tokens", {})),
    "refresh_token": lambda world: _of("space", made(world, "tokens", {}), 201, json={}),
    "get_users": lambda _: Example(whose="caller"),
    "post_user": lambda _: Example(201, whose="caller", json={"email": new_mail()}),
    "get_user": lambda world: _of("space", made(world, "users", {"email": new_mail()})),
    "patch_user": lambda world: _of("space", made(world, "users", {"email": new_mail()}), json={"role": "standard"}),
    "delete_user": lambda world: _of("space", made(world, "users", {"email": new_mail()})),
    "reset_token": lambda world: _of("space", made(world, "users", {"email": new_mail()}), 201),
    "get_apps": lambda _: Example(whose="caller"),
    "post_app": lambda _: Example(201, whose="caller", json={"id": f"app_{token_hex(4)}"}),
    "get_app": lambda _: _of("app", "app_waves"),
    "patch_app": lambda _: _of("app", "app_waves", json={"name": "Waves"}),
    "rotate_key": lambda _: _of("app", "app_waves", 201, json={"key": "export_key"}),
    "get_app_events": lambda _: _of("app", "app_waves"),
    "patch_app_event": lambda _: _of("app", "app_waves", json={"name": "e", "blocked": False}),
    "get_profile": _profile,
    "patch_profile": lambda _: _of("app", "app_waves", json=_PROFILE),
    "get_audit": lambda _: Example(whose="caller"),
    "post_setup": lambda _: Example(403, whose="caller", json=_SETUP),  # the store has an admin
    "show_setup": lambda _: Example(403, whose="caller"),
    "send_setup": lambda _: Example(403, whose="caller"),
    "get_static": lambda _: Example(whose="caller", path={"name": "portal.css"}),
    "show_login": lambda _: Example(whose="caller"),
    "send_login": lambda _: Example(303, whose="caller", form={"email": MAIL, "password": PASSWORD}),
    "send_logout": lambda _: Example(303, whose="caller", form={}),
    "get_root": lambda _: Example(303, whose="caller"),
    "get_home": lambda _: Example(whose="caller"),
    "get_downloads": lambda _: Example(whose="caller"),
    "get_new_request": lambda _: Example(whose="caller"),
    "send_new_request": lambda _: Example(303, form={"app": "app_waves"}),
    "get_job": _of_export(),
    "send_cancel": lambda world: Example(303, path={"id": world.export}, form={}),
    "send_rerun": lambda world: Example(303, path={"id": world.export}, form={}),
    "send_delivery_replay": lambda world: _of_form("app", world.delivery, {}, 303),
    "get_destinations_page": lambda _: Example(whose="caller"),
    "send_destination": lambda _: Example(
        303, whose="caller", form={"kind": "webhook", "name": f"d{token_hex(4)}", "url": "https://x.example/"}
    ),
    "send_destination_delete": lambda world: Example(303, "space", path={"name": _destination(world)}, form={}),
    "get_explore": lambda _: _of("app", "app_waves"),
    "get_newest": lambda _: _of("app", "app_waves"),
    "get_letters": lambda _: _of("app", "app_waves"),
    "send_replay": lambda world: _of_form("app", "app_waves", {"number": world.letter}),
    "get_people": lambda _: _of("app", "app_waves"),
    "get_person": lambda _: _of_person(),
    "send_profile": lambda _: _of_person({"name": "Ana"}),
    "send_attribute": lambda _: _of_person({"attribute": "plan", "value": "free"}),
    "get_events_page": lambda _: _of("app", "app_waves"),
    "send_block": lambda _: _of_form("app", "app_waves", {"name": "e", "do": "unblock"}, 303),
    "get_apps_page": lambda _: Example(whose="caller"),
    "send_app": lambda _: Example(303, whose="caller", form={"id": f"app_{token_hex(4)}"}),
    "get_app_page": lambda _: _of("app", "app_waves"),
    "send_rotate": lambda _: _of_form("app", "app_waves", {"key": "export_key"}),
    "get_users_page": lambda _: Example(whose="caller"),
    "send_user": lambda _: Example(303, whose="caller", form={"email": new_mail()}),
    "get_user_page": lambda world: _of("space", made(world, "users", {"email": new_mail()})),
    "send_change": lambda world: _of_form(
        "space", made(world, "users", {"email": new_mail()}), {"role": "standard"}, 303
    ),
    "send_withheld": lambda world: _of_form("space", made(world, "users", {"email": new_mail()}), {}, 303),
    "send_reset": lambda world: _of_form("space", made(world, "users", {"email": new_mail()}), {}),
    "get_account": lambda _: Example(whose="caller"),
    "send_token": lambda _: Example(whose="caller", form={"name": "mine"}),
    "send_my_reset": lambda _: Example(whose="caller", form={}),
    "send_revoke": lambda world: _of_form("space", made(world, "tokens", {}), {}, 303),
    "send_password": lambda _: Example(303, whose="caller", form={"current": PASSWORD, "password": PASSWORD}),
    "get_limits": lambda _: Example(whose="caller"),
    "get_audit_page": lambda _: Example(whose="caller"),
    "get_health": lambda _: Example(whose="caller"),
    "get_settings": lambda _: Example(whose="caller"),
    "get_openapi": lambda _: Example(whose="caller"),
    "post_raw_data": lambda _: Example(201, json=_RAW_DATA),
    "get_raw_data": lambda world: Example(path={"id": world.raw_data}),
    "get_raw_file": _raw_file,
    **dict.fromkeys(("set_job", "set_job_slashed"), lambda _: _DEVTODEV_JOB),
    **dict.fromkeys(("ask_job", "ask_job_slashed"), lambda world: Example(201, whose="caller", json=_look(world))),
    **dict.fromkeys(("see_job", "see_job_slashed"), lambda world: Example(201, whose="caller", query=_look(world))),
    **dict.fromkeys(
        ("get_report_file", "get_report_file_slashed"), lambda world: Example(whose="caller", query=_look(world))
    ),
    "get_api": lambda _: Example(403, whose="caller"),  # the key that opens it is an argument, and is made anew here
    "post_api": lambda _: Example(403, whose="caller"),
    "get_exported_file": lambda _: Example(404, whose="caller", path={"name": "1-x-output-0"}),
    "get_report": lambda _: Example(
        whose="caller",
        path={"path": "eventParams/all/app;show=all/event;show=all/paramName/paramValue"},
        query={"metrics": "count", "dateTime": "2020-01-01/2050-01-01"},
    ),
    "list_bundles_by_query": lambda world: _of_bundles(world, query={"start": "0"}),
    "list_bundles_by_body": lambda world: _of_bundles(world, json={"start": 0}),
    "get_bundle_by_query": lambda world: Example(query={"id": str(world.bundle)}),
    "get_bundle_by_body": lambda world: Example(json={"id": world.bundle}),
    "get_values": lambda _: Example(whose="caller", path={"dimension": "app"}),
}


def made(world: World, what: str, body: Mapping[str, Any]) -> str:
    """The id of a new token or user of the owner's space."""
    answer = world.api.http.post(f"/v1/{what}", json=body, headers=READ)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def new_mail() -> str:
    """An e-mail address that no user has."""
    return f"{token_hex(4)}@example.com"


def operations() -> Mapping[str, Operation]:
    """All operations by name."""
    return {operation.name: operation for surface in SURFACES for operation in surface.operations}


def owner(operation: Operation) -> Mapping[str, str]:
    """The headers by which the owner is known."""
    return _CREDENTIALS.get(operation.security, READ)


def use(
    http: httpx.Client, operation: Operation, example: Example, credential: Mapping[str, str], method: str = ""
) -> httpx.Response:
    """Make a request; nothing that an earlier answer put into a cookie goes with it."""
    http.cookies.clear()
    return http.request(
        method or operation.method,
        operation.path.replace(":path}", "}").format(**example.path),
        params=dict(example.query) or None,
        json=example.json,
        data=example.form,
        headers={**example.headers, **credential},
    )
