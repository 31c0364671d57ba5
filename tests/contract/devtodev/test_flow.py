"""The document's walk: set a job, look at it, fetch its report; every way to send it."""

import json
from typing import Any

import pytest
from sqlalchemy import update

from tailrace.db.tables import exports, jobs
from tests.contract.devtodev.client import Answer, read, send
from tests.contract.devtodev.conftest import World


def change(world: World, job_id: str, **values: Any) -> None:
    """Change the row of a job."""
    with world.api.house.database.write() as connection:
        connection.execute(update(exports).where(exports.c.id == job_id).values(**values))


def held(world: World) -> str:
    """A job that nobody does."""
    world.limits(max_running=0)
    job_id = world.job(["go"])
    world.client.wait(job_id)
    return job_id


def test_the_whole_flow(world: World) -> None:
    """A job, its progress to the end, a report of the events that were sent, from a link that needs nothing else."""
    asked = world.client.set_job(world.start, world.start + 3600, ["go"])
    assert (asked.status, set(asked.document)) == (200, {"status_code", "data"}), asked.body
    assert isinstance(asked.document["data"], str)
    result = world.client.wait(asked.document["data"])
    assert list(result) == ["msg", "format", "url", "ttl", "expire"]
    assert (result["msg"], result["format"], result["ttl"]) == ("Report file is ready", "csv", 86_400)
    assert abs(result["expire"] - world.clock.now() / 1000 - 86_400) < 60
    assert result["url"] == world.client.link(asked.document["data"])
    answer = send("GET", result["url"])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-encoding"] is None
    files = read(answer.body)
    assert set(files) == {"go", "users"}
    assert len(files["go"]) == 3


def test_what_each_state_looks_like(world: World) -> None:
    """Pending 202 and running 200 with a percentage that is true, complete 201, and failed in the form of errors."""
    job_id = held(world)
    expected: list[tuple[dict[str, Any], int, Any]] = [
        ({"state": "queued"}, 202, {"status": "pending", "percent_complete": 0}),
        ({"state": "running", "slices": None}, 200, {"status": "running", "percent_complete": 0}),
        ({"slices": 7, "slices_done": 2}, 200, {"status": "running", "percent_complete": 28}),
        ({"slices_done": 7}, 200, {"status": "running", "percent_complete": 99}),
    ]
    for values, status, data in expected:
        change(world, job_id, **values)
        answer = world.client.progress(job_id)
        assert (answer.status, answer.document) == (status, {"status_code": status, "data": data})
    change(world, job_id, state="succeeded")
    assert world.client.progress(job_id).status == 201
    for state in ("failed", "cancelled"):
        change(world, job_id, state=state, expires_at=None)
        assert world.client.progress(job_id).error == (500, 1, "Unknown Error")


def test_a_strict_client_gets_200_of_a_job_that_waits(world: World) -> None:
    """With the setting a pending job is 200, in the document too; any other value is the documented 202."""
    job_id = held(world)
    change(world, job_id, state="queued")
    for value, status in ((200, 200), (202, 202), (0, 202)):
        world.limits(pending_status=value)
        answer = world.client.progress(job_id)
        assert (answer.status, answer.document["status_code"]) == (status, status)
        assert answer.document["data"]["status"] == "pending"


def test_a_job_without_events_has_no_link(world: World) -> None:
    """No event in the window: complete with 200 and the sentence, no url; its link is no file."""
    answer = world.client.set_job(world.start - 7200, world.start - 3600, ["go"])
    result = world.client.wait(answer.document["data"])
    sentence = "Unfortunately the result of your request is empty. Please try to change the report conditions."
    assert result == {"msg": sentence}
    assert world.client.progress(answer.document["data"]).status == 200
    assert send("GET", world.client.link(answer.document["data"])).error[:2] == (404, 21)


def test_every_way_to_send_it(world: World) -> None:
    """With and without the slash; the token in the query or in the body, whose token wins; no content type or any; a
    job's progress also by GET and with the job in the query.
    """
    client, fields = world.client, {"app_id": "app_waves", "start_date": world.start, "end_date": world.start + 1.5}
    with_token = fields | {"user_token": client.token}
    sent: list[Answer] = [
        client.post("setjob", fields),
        client.post("setjob/", fields),
        client.post("setjob", with_token, query=False),
        client.post("setjob/", with_token, query=False),
        world.of("tok_unknown").post("setjob", with_token),
        client.post("setjob", fields | {"user_token": None}),
        client.post("setjob", fields | {"user_token": ""}),
        *(
            client.raw("setjob", json.dumps(with_token).encode(), query=False, kind=kind)
            for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain", "nonsense")
        ),
    ]
    assert [answer.status for answer in sent] == [200] * len(sent)
    assert client.post("setjob", fields | {"user_token": "tok_unknown"}).error[:2] == (401, 11)
    job_id: str = sent[0].document["data"]
    client.wait(job_id)
    query = f"job_id={job_id}&user_token={client.token}"
    for path in ("getprogress", "getprogress/"):
        place = f"{client.url}/api/v1/rawexport/{path}"
        looks = [
            client.post(path, {"job_id": job_id}),
            client.post(path, {"job_id": job_id, "user_token": client.token}, query=False),
            send("POST", f"{place}?{query}", b""),
            send("POST", f"{place}?{query}", b"{}"),
            send("GET", f"{place}?{query}"),
        ]
        assert {(look.status, look.body) for look in looks} == {(201, looks[0].body)}
    for path in ("download", "download/"):
        assert send("GET", f"{client.url}/api/v1/rawexport/{path}?{query}").status == 200


def test_the_window_is_half_open_and_in_seconds(world: World) -> None:
    """An event at the start is inside, one at the end is not; a fraction of a second counts; no zone is applied."""
    for start, end, count in ((0, 1, 1), (0, 1.001, 2), (1, 3, 2), (0.5, 2, 1), (0, 3, 3)):
        files = world.client.fetch(world.start + start, world.start + end, ["go"])
        assert files is not None
        assert len(files["go"]) == count, (start, end)


def test_a_report_lives_for_a_day(world: World) -> None:
    """Until then it is there; from then on its job is not found and its file is gone, deleted already or not."""
    job_id = held(world)
    expires: int = world.client.progress(job_id).document["data"]["result"]["expire"]
    world.clock.shift = (expires - 2) * 1000 - world.clock.now()
    assert send("GET", world.client.link(job_id)).status == 200
    world.clock.shift += 4000
    assert world.client.progress(job_id).error == (400, 22, "The job_id you requested is not found.")
    gone = "File not found. The requested report file had been expired and was deleted."
    assert send("GET", world.client.link(job_id)).error == (404, 21, gone)
    change(world, job_id, state="expired")
    assert world.client.progress(job_id).error[1] == 22
    assert send("GET", world.client.link(job_id)).error[1] == 21


def test_the_life_of_a_report_is_a_setting(world: World) -> None:
    """What held when a job was set holds for its report: `ttl` says it."""
    world.limits(file_life_ms=90_000)
    assert world.client.wait(world.job(["go"]))["ttl"] == 90


@pytest.mark.parametrize("name", ["go", 'odd name, "quoted"'])
def test_an_object_with_a_name_alone_is_that_event(world: World, name: str) -> None:
    """`{"name": …}` is another way to say the name, whatever signs are in it; nulls are as if they were not there."""
    plain = world.client.fetch(world.start, world.start + 3600, [name])
    for element in ({"name": name}, {"name": name, "filters": {}}, {"name": name, "filters": None, "alias": None}):
        assert world.client.fetch(world.start, world.start + 3600, [element]) == plain


def test_nobody_needs_the_jobs_table(world: World) -> None:
    """A job of the native API is none of this surface: its id is not found here."""
    native = world.native("POST", "/v1/exports", {"app": "app_waves", "window": {"axis": "available"}})["id"]
    assert world.client.progress(native).error[1] == 22
    assert send("GET", world.client.link(native)).error[1] == 21
    with world.api.house.database.read() as connection:
        assert connection.execute(jobs.select().where(jobs.c.subject == native)).first() is not None
