"""How often one may ask: a bucket of 50 calls that gets two a minute, for LIST and GET together, across processes."""

from collections import Counter

import pytest
from sqlalchemy import update

from tailrace.db.tables import bundles
from tailrace.exports.bundles import MAKING
from tailrace.wiring import open_house
from tests.contract.fullstory.client import Client
from tests.contract.fullstory.conftest import DAY, MIDNIGHT, NOON, App, World
from tests.contract.live import live

S = 1000


@pytest.fixture
def ready(world: World, app: App) -> tuple[Client, int]:
    """A client and a bundle that it can have, its bucket full, with the limits of the document."""
    app.send(MIDNIGHT - DAY)
    client = app.ready()
    number = client.listed(0)[0]["ID"]
    world.limits(burst=50)
    return client, number


def test_fifty_one_rapid_gets(world: World, ready: tuple[Client, int]) -> None:
    """Fifty are served; the next is told to wait for whole seconds, half a minute at most; then one more is, and after
    25 minutes a full bucket again. A success never has `Retry-After`.
    """
    client, number = ready
    answers = [client.get("get", id=number) for _ in range(51)]
    assert [answer.status for answer in answers] == [200] * 50 + [429]
    assert all(answer.headers["retry-after"] is None for answer in answers[:50])
    seconds = answers[50].headers["retry-after"]
    assert seconds.isdigit()
    assert 1 <= int(seconds) <= 30
    assert answers[50].headers["content-type"] == "application/json"
    assert answers[50].document["error"] == "too_many_requests"
    world.at(world.now + int(seconds) * S)
    assert [client.get("get", id=number).status for _ in range(2)] == [200, 429]
    world.at(world.now + 25 * 60 * S)
    assert Counter(client.get("get", id=number).status for _ in range(51)) == {200: 50, 429: 1}


def test_list_and_get_share_the_bucket(world: World, ready: tuple[Client, int]) -> None:
    """Calls of either kind, by GET and POST, successful or not, come out of one bucket."""
    client, number = ready
    world.limits(burst=6)
    asked = [
        client.get("list", start=0), client.get("get", id=number), client.post("list"), client.post("get", id=number),
        client.get("get", id=999_999), client.get("get", id="x"),
    ]  # fmt: skip
    assert [answer.status for answer in asked] == [200, 200, 200, 200, 404, 400]
    for answer in (client.get("list", start=0), client.get("get", id=number), client.post("list")):
        assert answer.status == 429


def test_a_list_that_has_to_wait_is_counted(world: World, ready: tuple[Client, int], app: App) -> None:
    """A call that is told to come again is one: with a bucket of two, the third is refused for its number."""
    client, _ = ready
    mine = bundles.c.app == world.api.scope(app.id).app
    with world.house.database.write() as connection:
        connection.execute(update(bundles).where(mine).values(state=MAKING))
    world.limits(burst=2)
    assert [client.get("list", start=0).status for _ in range(3)] == [503, 503, 429]


def test_heads_and_continuations_are_free(world: World, ready: tuple[Client, int]) -> None:
    """With an empty bucket one can still look what there is and go on with a download; but what begins anew, or is all
    of it under the name of a range, is not free.
    """
    client, number = ready
    world.limits(burst=1)
    path = f"get?id={number}"
    whole = client.send("GET", path)
    assert whole.status == 200
    for _ in range(3):
        assert client.send("HEAD", path).status == 200
        assert client.send("HEAD", "list?start=0").status == 200
        rest = client.send("GET", path, Range="bytes=9-", **{"If-Range": whole.headers["etag"]})
        assert (rest.status, rest.body) == (206, whole.body[9:])
    for headers in ({"Range": "bytes=0-"}, {"Range": "bytes=9-", "If-Range": '"x"'}, {"Range": "bytes=9-8"}):
        assert client.send("GET", path, **headers).status == 429
    assert client.send("GET", path, **{"If-None-Match": whole.headers["etag"]}).status == 429


def test_processes_share_the_bucket(world: World, ready: tuple[Client, int]) -> None:
    """Two servers of one store, asked by turns, serve fifty together."""
    client, number = ready
    with open_house(world.house.data) as second, live(second) as http:
        other = Client(str(http.base_url).rstrip("/"), client.key)
        answers = [one.get("get", id=number).status for _ in range(26) for one in (client, other)]
    assert Counter(answers) == {200: 50, 429: 2}


def test_keys_do_not_share_theirs_and_may_have_more(world: World, ready: tuple[Client, int], app: App) -> None:
    """Each key has a bucket of its own; `tailrace apply` gives one key other limits, and takes them away again."""
    client, number = ready
    world.limits(burst=1)
    other = Client(world.url, f"{client.key}_b")
    token = (
        f'[[spaces]]\nid = "acme"\n[[spaces.tokens]]\nvalue = "{other.key}"\nuser = "arc@example.com"\n'
        f'apps = ["{app.id}"]\n'
    )
    changes = world.apply(f'{token}[spaces.tokens.limits]\n"fullstory.burst" = 3\n')
    assert "set limit fullstory.burst of a token of arc@example.com" in changes
    assert [other.get("get", id=number).status for _ in range(4)] == [200, 200, 200, 429]
    assert [client.get("get", id=number).status for _ in range(2)] == [200, 429]
    assert world.apply(f"{token}limits = {{}}\n") == ["set limit fullstory.burst of a token of arc@example.com"]
    world.at(NOON + 60 * S)
    assert [other.get("get", id=number).status for _ in range(2)] == [200, 429]


def test_the_stricter_reading(world: World, ready: tuple[Client, int]) -> None:
    """With `downloads_per_minute` two downloads begin a minute, whatever the bucket holds; lists go on, a refused
    download costs no call, and going on with one is no download.
    """
    client, number = ready
    world.limits(burst=5, downloads_per_minute=2)
    assert [client.get("get", id=number).status for _ in range(3)] == [200, 200, 429]
    refused = client.get("get", id=number)
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert client.send("GET", f"get?id={number}", Range="bytes=5-").status == 206
    assert [client.get("list", start=0).status for _ in range(4)] == [200, 200, 200, 429]
    world.limits(downloads_per_minute=1, burst=0)
    world.at(world.now + 3600 * S)
    assert client.get("get", id=number).status == 200
    assert client.get("get", id=number).headers["retry-after"] == "30"
