"""Files: how they are named, cut and fetched, and that they are gone after a day."""

import re
from urllib.parse import urlsplit

import pytest

from tailrace.upkeep.sweep import sweep
from tests.contract.leanplum.client import Row, file, send, sessions
from tests.contract.leanplum.conftest import DAY, HOUR, MINUTE, NOON, SECOND, TODAY, World
from tests.sending import event

BACKENDS = ["sqlite", "postgresql"]
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def ready(world: World, **more: str) -> tuple[str, Row]:
    """A job that has finished, and how it stands."""
    world.take_in(event("x", NOON - HOUR, params={"text": "x" * 100}))
    job = world.client.export(TODAY, **more)
    return job, world.client.wait(job)


def test_names_that_nobody_can_guess(world: World) -> None:
    """A file is at the origin, without a path before it, under the app's number, a random UUID, its type and number; it
    needs no key, and answers ranges and HEAD; the UUIDs of two exports differ. Another name is 404.
    """
    job, done = ready(world)
    (url,) = done["files"]
    found = re.fullmatch(rf"{re.escape(world.client.url)}/export-([0-9]+)-({UUID})-output-0", url)
    assert found
    assert job.split("_")[1] == found[1] == str(world.scope.app)
    whole = file(url)
    part = send("GET", url, headers={"range": "bytes=2-10"})
    assert (part.status, part.body) == (206, whole[2:11])
    head = send("HEAD", url)
    assert (head.status, head.headers["content-length"], head.body) == (200, str(len(whole)), b"")
    assert send("GET", url, headers={"range": f"bytes={len(whole)}-"}).status == 416
    csv = ready(world, exportFormat="csv")[1]["files"]
    assert [one.rpartition("output")[2] for one in csv] == [
        f"{name}-0" for name in ("sessions", "states", "events", "eventparameters", "userattributes", "experiments")
    ]
    assert len({re.search(UUID, one)[0] for one in (url, *csv)}) == 2  # type: ignore[index]
    for other in (url.replace(found[2], found[2][::-1]), url[:-1] + "1", url + ".schema.json", f"{url}x"):
        answer = send("GET", other)
        assert (answer.status, answer.message) == (404, "File not found."), other


def test_the_origin_is_a_setting(world: World) -> None:
    """URLs of files begin with the configured origin, or else with the public URL."""
    job, done = ready(world)
    settings, name = world.house.settings, done["files"][0].rpartition("/")[2]
    settings.public_url = "https://api.example/"
    assert world.client.results(job)["files"] == [f"https://api.example/{name}"]
    settings.downloads.origin = "https://files.example"
    assert world.client.results(job)["files"] == [f"https://files.example/{name}"]
    settings.downloads.origin = settings.public_url = ""


@pytest.mark.parametrize("swept", [False, True], ids=["its time is over", "swept"])
def test_files_are_gone_after_a_day(world: World, swept: bool) -> None:
    """Twenty-four hours after the export its URLs are 404, and the job still says that it finished, and how much it
    was, with no files; a minute before they are there.
    """
    job, done = ready(world)
    (url,) = done["files"]
    world.set(NOON + DAY - MINUTE)
    assert world.client.results(job) == done
    assert send("GET", url).status == 200
    world.set(NOON + DAY + MINUTE)
    if swept:
        sweep(world.house.sweeper(), world.scope, lambda: None)
        world.set(NOON + DAY + 2 * HOUR)
        sweep(world.house.sweeper(), world.scope, lambda: None)
    assert send("GET", url).status == 404
    assert world.client.results(job) == done | {"files": []}
    assert done["numSessions"] == 1


def test_large_results_are_cut(world: World) -> None:
    """No file is larger than the limit; files are numbered from 0, and every session is in one of them, whole."""
    world.limits(file_bytes=16_000_000)
    text = "x" * 500_000
    for first in range(0, 40, 20):
        records = [
            event("x", NOON - HOUR + n * SECOND, device=f"d{n}", session=f"s{n}", id=f"e{n}", params={"text": text})
            for n in range(first, first + 20)
        ]
        world.take_in(*records)
    done = world.client.wait(world.client.export(TODAY))
    assert [urlsplit(url).path.rpartition("output-")[2] for url in done["files"]] == ["0", "1"]
    assert max(len(file(url)) for url in done["files"]) <= 16_000_000
    assert sorted(one["deviceId"] for one in sessions(done)) == sorted(f"d{n}" for n in range(40))
