"""Who may what: tokens, rights and apps, as they are at the moment of each request."""

import pytest

from tests.contract.devtodev.client import Client, send
from tests.contract.devtodev.conftest import World

NO_API = (403, 15, "Access denied. You have no access to API.")
NO_RAW_DATA = (403, 16, "Access denied. You have no access to RAW data export API.")


def errors(client: Client, job_id: str, start: int) -> list[tuple[int, int, str] | None]:
    """What the three calls answer: None where they succeed."""
    answers = (client.set_job(start, start + 3600, ["go"]), client.progress(job_id), send("GET", client.link(job_id)))
    return [answer.error if answer.status >= 400 else None for answer in answers]


def user_id(world: World, email: str) -> str:
    """The id of a user."""
    found: str = next(one["id"] for one in world.native("GET", "/v1/users")["users"] if one["email"] == email)
    return found


def own_job(world: World, client: Client) -> str:
    """A job of a client's that is complete."""
    job_id: str = client.set_job(world.start, world.start + 3600, ["go"]).document["data"]
    client.wait(job_id)
    return job_id


@pytest.mark.parametrize(
    ("withheld", "found"),
    [
        (["tokens.write"], [NO_API, NO_API, NO_API]),
        (["exports.create", "exports.read"], [NO_RAW_DATA, NO_RAW_DATA, NO_RAW_DATA]),
        (["exports.create"], [NO_RAW_DATA, None, None]),
        (["exports.read"], [None, NO_RAW_DATA, NO_RAW_DATA]),
        (["tokens.write", "exports.create"], [NO_API, NO_API, NO_API]),
    ],
)
def test_rights_can_be_withheld_and_given_back(
    world: World, withheld: list[str], found: list[tuple[int, int, str] | None]
) -> None:
    """15 without the right to the API, 16 without that to raw data, at each of the three calls, from the moment that an
    admin turns the switch; the token stays and works again.
    """
    email = f"{'-'.join(withheld)}@example.com"
    client = world.user(email)
    job_id, place = own_job(world, client), f"/v1/users/{user_id(world, email)}"
    assert world.native("PATCH", place, {"withheld": withheld})["withheld"] == sorted(
        withheld, key=["tokens.write", "exports.create", "exports.read"].index
    )
    assert errors(client, job_id, world.start) == found
    world.native("PATCH", place, {"withheld": []})
    assert errors(client, job_id, world.start) == [None] * 3


def test_nobody_gives_himself_what_is_withheld(world: World) -> None:
    """An admin without a right can give it to nobody, himself included, neither back nor with a role."""
    admin = world.user("second@example.com", role="admin")
    me = user_id(world, "second@example.com")
    world.native("PATCH", f"/v1/users/{me}", {"withheld": ["exports.create"]})
    http, headers = world.api.http, {"authorization": f"Bearer {admin.token}"}
    back = http.patch(f"/v1/users/{me}", json={"withheld": []}, headers=headers)
    assert (back.status_code, back.json()["code"]) == (403, "above_your_rights")
    other = http.post("/v1/users", json={"email": "third@example.com"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (403, "above_your_rights")
    refused = http.post("/v1/exports", json={"app": "app_waves", "window": {"axis": "available"}}, headers=headers)
    assert (refused.status_code, refused.json()["needs"]) == (403, "exports.create")
    mine = http.get("/v1/me", headers=headers).json()
    assert mine["withheld"] == ["exports.create"]
    assert "exports.create" not in mine["scopes"]
    told = next(one for one in world.native("GET", "/v1/audit?action=user.changed")["entries"] if one["subject"] == me)
    assert told["detail"] == {"of": "second@example.com", "withheld": ["exports.create"]}


def test_a_token_is_reset(world: World) -> None:
    """The one token of a user ends when it is reset: it is then a wrong one, and the new one has the jobs."""
    old = world.user("reset@example.com")
    job_id = own_job(world, old)
    new = world.of(
        world.native("POST", "/v1/me/token:reset", token=f"Bearer {old.token}")["token"],
    )
    wrong = (401, 11, f"Authorization error. Wrong user token {old.token}")
    assert errors(old, job_id, world.start) == [wrong] * 3
    assert errors(new, job_id, world.start) == [None] * 3


def test_a_token_sees_what_its_owner_sees_now(world: World) -> None:
    """An app that is taken away is out of reach at once: 13 for jobs, 14 for the file of an earlier one; with it comes
    all back.
    """
    client = world.user("moved@example.com")
    job_id, place = own_job(world, client), f"/v1/users/{user_id(world, 'moved@example.com')}"
    world.native("PATCH", place, {"apps": ["app_tides"]})
    no_app = (403, 13, "Access denied. You have no access to the app app_waves")
    no_file = (403, 14, f"Access denied. You have no access to the report file {job_id}")
    assert errors(client, job_id, world.start) == [no_app, no_app, no_file]
    tides = Client(client.url, client.token, "app_tides")
    assert tides.set_job(world.start, world.start + 1).status == 200
    world.native("PATCH", place, {"apps": ["*"]})
    assert errors(client, job_id, world.start) == [None] * 3
    world.native("PATCH", place, {"disabled": True})
    assert errors(client, job_id, world.start)[0] == (401, 11, f"Authorization error. Wrong user token {client.token}")


def test_jobs_are_their_users_own(world: World) -> None:
    """Another user of the space does not find a job, and may not have its file, whatever the role; one of another space
    cannot tell it from one that there never was.
    """
    job_id = own_job(world, world.client)
    admin, stranger = world.user("colleague@example.com", role="admin"), world.of("tok_bob", "app_other")
    no_job = (400, 22, "The job_id you requested is not found.")
    assert admin.progress(job_id).error == no_job
    assert send("GET", admin.link(job_id)).error[:2] == (403, 14)
    for method in ("GET", "HEAD"):
        assert send(method, admin.link(job_id)).status == 403
    assert stranger.progress(job_id).error == stranger.progress("exp_none").error == no_job
    there, not_there = send("GET", stranger.link(job_id)), send("GET", stranger.link("exp_none"))
    assert (there.status, there.body) == (not_there.status, not_there.body)
    assert there.error[:2] == (404, 21)
    for app in ("app_waves", "app_none"):
        error = world.of("tok_bob", app).set_job(world.start, world.start + 1).error
        assert error == (400, 6, f"Invalid app id {app}")


def test_tokens_of_other_kinds(world: World) -> None:
    """A token with fewer rights than its owner's is held to them; keys of an app are no tokens here."""
    job_id = own_job(world, world.client)
    narrow = {"scopes": ["exports.read"], "apps": ["app_waves"]}
    reader = world.of(world.native("POST", "/v1/tokens", narrow)["token"])
    assert errors(reader, job_id, world.start) == [NO_RAW_DATA, None, None]
    elsewhere = world.of(world.native("POST", "/v1/tokens", {"apps": ["app_tides"]})["token"])
    assert [error and error[1] for error in errors(elsewhere, job_id, world.start)] == [13, 13, 14]
    for token in ("wk_waves", "ek_waves", "WAVESAPIKEY0000000001"):
        assert world.of(token).progress(job_id).error[1] == 11
