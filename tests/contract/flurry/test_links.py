"""`s3URI`: how long it lives, what it opens, what is said when it is over."""

import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from tailrace.db.tables import exports
from tailrace.model.clock import parse_iso
from tailrace.upkeep.sweep import sweep
from tests.contract.flurry.client import read_error, send
from tests.contract.flurry.conftest import DAY, END, START, World

TEN_MINUTES = 600_000


def ready(world: World) -> str:
    """The id of a request that has succeeded, of a file that is worth a range."""
    world.session("d1", START, ["a"] * 50)
    world.api.seal()
    number: str = world.client.request(START, END).document["data"]["id"]
    world.client.wait(number)
    return number


def test_the_file_is_a_gzip_file_and_not_encoded(world: World) -> None:
    """One gzip member of UTF-8 text, of the type of gzip, without Content-Encoding whatever is accepted, named after
    the request; without a token, as often as one likes, at once; ranges and HEAD work.
    """
    number = ready(world)
    uri = world.client.wait(number)
    answer = send("GET", uri, {"accept-encoding": "gzip, br"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "application/gzip"
    assert f'filename="{number}.json.gz"' in answer.headers["content-disposition"]
    member = zlib.decompressobj(wbits=31)
    assert member.decompress(answer.body).count(b"\n") == 50
    assert member.eof
    assert member.unused_data == b""
    with ThreadPoolExecutor(8) as pool:
        assert {one.body for one in pool.map(lambda _: send("GET", uri, {}), range(24))} == {answer.body}
    part = send("GET", uri, {"range": "bytes=10-19"})
    assert (part.status, part.body) == (206, answer.body[10:20])
    head = send("HEAD", uri, {})
    assert (head.status, head.headers["content-length"], head.body) == (200, str(len(answer.body)), b"")
    beyond = send("GET", uri, {"range": f"bytes={len(answer.body)}-"})
    assert (beyond.status, read_error(beyond.body).findtext("Code")) == (416, "InvalidRange")


def test_a_link_tells_its_end_and_each_look_brings_a_new_one(world: World) -> None:
    """`Expires` in the link is ten minutes ahead; a later look at the status moves it, and the old link goes on."""
    number = ready(world)
    with world.api.house.database.read() as connection:
        before = world.api.house.database.now(connection)
    first = world.client.wait(number)
    assert 0 <= int(parse_qs(urlsplit(first).query)["Expires"][0]) * 1000 - before - TEN_MINUTES + 1000 < 60_000
    world.limits(link_life_ms=TEN_MINUTES + 60_000)
    second = world.client.wait(number)
    ends = [int(parse_qs(urlsplit(uri).query)["Expires"][0]) for uri in (first, second)]
    assert ends[1] > ends[0]
    assert [send("GET", uri, {}).status for uri in (first, second)] == [200, 200]


def test_an_expired_link_answers_as_s3_does(world: World) -> None:
    """After its time a link is 403 with S3's XML: code, message, when it ended, what time it is; a look brings a new
    one.
    """
    number = ready(world)
    world.limits(link_life_ms=0)
    uri = world.client.wait(number)
    answer = send("GET", uri, {})
    error = read_error(answer.body)
    assert (answer.status, answer.headers["content-type"]) == (403, "application/xml")
    assert [child.tag for child in error] == ["Code", "Message", "Expires", "ServerTime", "RequestId", "HostId"]
    assert (error.tag, error.findtext("Code"), error.findtext("Message")) == (
        "Error",
        "AccessDenied",
        "Request has expired",
    )
    ended, now = (error.findtext(name) or "" for name in ("Expires", "ServerTime"))
    assert parse_iso(ended) == int(parse_qs(urlsplit(uri).query)["Expires"][0]) * 1000
    assert parse_iso(now) >= parse_iso(ended)
    world.limits(link_life_ms=TEN_MINUTES)
    assert gzip.decompress(send("GET", world.client.wait(number), {}).body)


@pytest.mark.parametrize("swept", [False, True], ids=["its time is over", "swept"])
def test_a_result_is_kept_for_thirty_days(world: World, swept: bool) -> None:
    """The file is kept for thirty days from its making; from then on the status is the document's sentence, and links
    that were given before are over.
    """
    number = ready(world)
    uri = world.client.wait(number)
    with world.api.house.database.write() as connection:
        row = connection.execute(exports.select()).one()
        assert row.expires_at - row.finished_at == 30 * DAY
        connection.execute(update(exports).values(expires_at=row.finished_at - 2 * DAY))
    if swept:
        sweep(world.api.house.sweeper(), world.api.scope(), lambda: None)
    document = world.client.status(number).document
    assert document == {
        "data": {
            "type": "rawData",
            "id": number,
            "attributes": {"requestStatus": "Success", "s3URI": "Expired URI. Please resubmit request"},
        }
    }
    assert send("GET", uri, {}).status in ((404,) if swept else (200, 404))


def test_links_are_below_the_public_url(world: World) -> None:
    """Links begin with the configured URL, and are made of characters that nobody has to escape."""
    number = ready(world)
    world.api.house.settings.public_url = "https://data.example/raw/"
    uri = world.client.wait(number)
    assert uri.startswith(f"https://data.example/raw/pulse/v1/rawData/{number}/{number}.json.gz?Expires=")
    assert set(uri.partition("?")[2]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=&-_")


def test_an_altered_link_opens_nothing(world: World) -> None:
    """A link of another request, name, end or signature is refused, and so is one without a signature."""
    uri = world.client.wait(ready(world))
    other: str = world.client.request(START, END).document["data"]["id"]
    world.client.wait(other)
    number = urlsplit(uri).path.split("/")[-2]
    base, _, query = uri.partition("?")
    for altered in (
        f"{base.replace(f'/{number}/', f'/{other}/')}?{query}",
        f"{base}x?{query}",
        f"{base}?{query.replace('Expires=', 'Expires=9')}",
        f"{base}?{query[:-1]}",
        f"{base}?{query.partition('&')[0]}",
        base,
    ):
        answer = send("GET", altered, {"authorization": "Bearer tok_ana"})
        assert (answer.status, answer.document) == (401, {"code": 401, "message": "Unauthorized"}), altered
