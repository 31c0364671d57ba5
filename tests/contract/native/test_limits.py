"""Hostile and unlucky senders over real sockets: each gets a clear answer, and none takes memory or time of others."""

import gzip
import json
import re
import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tailrace.accounts.limits import set_limits
from tests.contract.native.conftest import Api

LIMIT = 200_000  # bytes of a body
PATHS = {"/v1/events": b"authorization: Bearer wk_waves\r\n", "/v1/batch": b"authorization: Basic d2tfd2F2ZXM6\r\n"}
PLAIN = {"event": "e", "device_id": "d"}

pytestmark = [
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
    pytest.mark.parametrize("path", list(PATHS)),
]


@pytest.fixture(autouse=True)
def limited(api: Api) -> None:
    """A limit that a test reaches soon."""
    set_limit(api, "ingest.max_body_bytes", LIMIT)


def set_limit(api: Api, name: str, value: int) -> None:
    with api.house.database.write() as connection:
        set_limits(connection, {name: value})


@contextmanager
def connected(api: Api) -> Iterator[socket.socket]:
    """A connection of one's own, with nothing between a test and the bytes."""
    url = urlsplit(str(api.http.base_url))
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as made:
        yield made


def head(path: str, *lines: str) -> bytes:
    return b"".join(
        [f"POST {path} HTTP/1.1\r\nhost: x\r\n".encode(), PATHS[path], *(f"{n}\r\n".encode() for n in lines), b"\r\n"]
    )


def answer(connection: socket.socket) -> tuple[int, str, bool]:
    """Status and body of the next answer, and whether it says that the connection ends."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    before, _, body = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", before.lower())[1])  # type: ignore[index]
    while len(body) < length:
        body += connection.recv(65536)
    return int(before.split()[1]), body.decode(), b"connection: close" in before.lower()


def ends(connection: socket.socket) -> bool:
    """Whether the server lets go."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_body_that_says_that_it_is_too_long_is_not_read(api: Api, path: str) -> None:
    """A gigabyte that is announced is refused before its first byte, and the connection ends."""
    with connected(api) as connection:
        connection.sendall(head(path, "content-length: 1000000000", "expect: 100-continue"))
        status, body, closed = answer(connection)
        assert (status, closed, ends(connection)) == (413, True, True)
    assert str(LIMIT) in body
    assert api.ledger().received == 0


def test_a_body_that_is_a_little_too_long_is_let_pass(api: Api, path: str) -> None:
    """A sender that writes all before it reads hears the 413, and goes on with the same connection."""
    good = json.dumps({"batch": [PLAIN | {"type": "track", "anonymousId": "a"}]} if "batch" in path else PLAIN).encode()
    with connected(api) as connection:
        connection.sendall(head(path, "content-length: 5000000") + bytes(5_000_000))
        assert answer(connection)[::2] == (413, False)
        connection.sendall(head(path, f"content-length: {len(good)}") + good)
        assert answer(connection)[0] == 200
    assert api.ledger().received == 1


def test_a_body_without_end_is_cut_in_bounded_memory(api: Api, path: str) -> None:
    """Chunks without a length are counted as they come; above the limit the answer comes and the connection ends."""
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    tracemalloc.start()
    try:
        with connected(api) as connection:
            connection.sendall(head(path, "transfer-encoding: chunked") + chunk)
            for _ in range(LIMIT // 65536):
                connection.sendall(chunk)
            status, _, closed = answer(connection)
            assert (status, closed, ends(connection)) == (413, True, True)
        assert tracemalloc.get_traced_memory()[1] < 40 * LIMIT
    finally:
        tracemalloc.stop()


def test_a_bomb_is_not_unpacked(api: Api, path: str) -> None:
    """A small body that unpacks to many times the limit is 413; the connection stays, for all of it was read."""
    bomb = gzip.compress(bytes(10_000_000), 1) * 3
    with connected(api) as connection:
        connection.sendall(head(path, f"content-length: {len(bomb)}") + bomb)
        assert answer(connection)[::2] == (413, False)
    assert api.ledger().received == 0


def test_a_sender_that_is_too_slow_is_let_go(api: Api, path: str) -> None:
    """A body that does not arrive in the time of the setting is 408, and the connection ends; others are served."""
    api.house.settings.ingest.body_timeout_ms = 50
    with connected(api) as connection:
        connection.sendall(head(path, "content-length: 1000") + b'{"batch": [')
        status, _, closed = answer(connection)
        assert (status, closed, ends(connection)) == (408, True, True)
    assert api.http.get("/livez").status_code == 200
    assert api.ledger().received == 0


def test_objects_of_very_many_keys_are_dead_letters(api: Api, path: str) -> None:
    """A million keys, or one more than the limit at any level, cost their own record alone; many small objects in a
    list are no such object. The limit is policy.
    """
    set_limit(api, "ingest.max_body_bytes", 1 << 24)
    set_limit(api, "ingest.max_params", 50)

    def wide(keys: int) -> str:
        return "{" + ",".join(f'"k{n}":1' for n in range(keys)) + "}"

    given = [wide(1_000_000), wide(51), f'{{"a":[{wide(51)}]}}', wide(50)]
    given += [f'{{"a":[{",".join([wide(3)] * 100)}]}}', f'{{"a":"{":" * 500}"}}']
    form = {
        "/v1/events": '{"event":"e","device_id":"d","params":PARAMS}',
        "/v1/batch": '{"type":"track","event":"e","anonymousId":"d","properties":PARAMS}',
    }[path]
    body = f'{{"batch":[{",".join(form.replace("PARAMS", params) for params in given)}]}}'.encode()
    with connected(api) as connection:
        connection.sendall(head(path, f"content-length: {len(body)}") + body)
        status, *_ = answer(connection)
    assert status == 200
    assert [letter.reason for letter in api.letters()] == [
        "larger than 1048576 bytes",
        "params: an object has more than 50 keys",
        "params: an object has more than 50 keys",
    ]
    assert (api.ledger().accepted, api.ledger().holds) == (3, True)
