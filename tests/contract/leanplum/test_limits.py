"""How often an app may export, and who may."""

import pytest

from tests.contract.leanplum.client import Client
from tests.contract.leanplum.conftest import HOUR, MINUTE, NOON, TODAY, Owner, World, pacific
from tests.sending import event

BACKENDS = ["sqlite", "postgresql"]


def ask(world: World, **more: str) -> int:
    """The status of a request for an export."""
    return world.client.call("exportData", **({"startDate": TODAY} | more)).status


def test_twenty_four_exports_a_day(world: World) -> None:
    """An app may export 24 times on a Pacific day; requests with invalid arguments, without any match, or with a wrong
    key are free; the next is 429 with a message, until midnight in California, on a day of 25 hours too.
    """
    night = pacific("2026-11-02T00:00")
    world.set(night - 24 * HOUR - 30 * MINUTE)  # half past midnight, of the day of 25 hours
    world.take_in(event("x", night - 25 * HOUR + MINUTE))
    free = ({"startDate": "2026"}, {"startDate": "20200101"}, {"startDate": "20261030"}, {"clientKey": "x"})
    for n in range(24):
        assert ask(world, startDate="20261101") == 200
        assert [ask(world, **more) for more in free] == [200, 200, 404, 403], n
    world.set(night - 2 * MINUTE)
    refused = world.client.call("exportData", startDate="20261101")
    assert (refused.status, refused.message) == (429, "You can only export data 24 times per day.")
    world.set(night + MINUTE)
    assert ask(world, startDate="20261101") == 200


def test_the_quota_is_the_apps_and_a_setting(world: World) -> None:
    """Another app has a quota of its own; the number is a setting, 0 is no limit."""
    world.take_in(event("x", NOON - HOUR))
    world.limits(per_day=1)
    assert [ask(world), ask(world)] == [200, 429]
    _, key = Owner(world.house).new_app(f"{world.client.app}-b")
    other = Client(world.client.url, f"{world.client.app}-b", key)
    assert other.call("exportData", startDate=TODAY).status == 404  # it has no data, and was let in
    world.limits(per_day=0)
    assert ask(world) == 200


@pytest.mark.parametrize("action", ["exportData", "getExportResults"])
def test_a_key_is_of_one_app_and_one_class(world: World, action: str) -> None:
    """Only the export key of the app opens it: another class of key, that of another app, one that is missing or was
    replaced get 403 with the recorded text, and a job of another app looks like none.
    """
    world.take_in(event("x", NOON - HOUR))
    job = world.client.export(TODAY)
    arguments = {"startDate": TODAY, "jobId": job}
    write_key, other_key = Owner(world.house).new_app(f"{world.client.app}-{action}")
    old = world.client.key
    new = Owner(world.house).new_key(world.client.app)
    for app, key in (
        (world.client.app, ""), ("", new), ("nobody", new), (world.client.app, world.write_key),
        (world.client.app, other_key), (world.client.app, write_key), (world.client.app, "tok_ana"),
        (f"{world.client.app}-{action}", new), (world.client.app, old), ("x\x00", new),
    ):  # fmt: skip
        answer = Client(world.client.url, app, key).call(action, **arguments)
        assert (answer.status, answer.message) == (403, "Invalid access key."), (app, key)
    assert Client(world.client.url, world.client.app, new).call(action, **arguments).first["success"]
    stranger = Client(world.client.url, f"{world.client.app}-{action}", other_key)
    for one in (job, job.replace(str(world.scope.app), str(world.scope.app + 1)), "export_1_999999", "x", "export_1_x"):
        answer = stranger.call("getExportResults", jobId=one)
        assert (answer.status, answer.message) == (404, "Job not found."), one


def test_nothing_of_the_key_is_kept(world: World) -> None:
    """The audit names the key that asked, not a person; the export has no token; the key's text is in no file of the
    store, and not in what the native API shows.
    """
    world.take_in(event("x", NOON - HOUR))
    world.client.wait(world.client.export(TODAY))
    headers = {"authorization": "Bearer tok_ana"}
    listed = world.server.http.get("/v1/audit", params={"action": "export.requested"}, headers=headers).json()
    (noted,) = [one for one in listed["entries"] if one["app"] == world.client.app]
    assert (noted["who"], noted["user"], noted["token"]) == ("the export key", None, None)
    exports = world.server.http.get("/v1/exports", params={"app": world.client.app}, headers=headers)
    assert exports.status_code == 200
    stored = b"".join(path.read_bytes() for path in world.house.data.rglob("*") if path.is_file())
    assert world.client.key.encode() not in exports.content + stored
