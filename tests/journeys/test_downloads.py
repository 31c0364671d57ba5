"""Downloads by the tools that people have, from a real server: straight, through nginx, and by nginx itself.

nginx runs the configuration that we ship. Broken connections break at a byte that a seed chose, not at a time.
"""

import gzip
import hashlib
import random
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import fsspec
import httpx
import pyarrow.parquet as pq
import pytest

from tests.proxies import nginx
from tests.relay import Relay
from tests.sending import T0, event
from tests.servers import Client, Server
from tests.templates import TemplateOf

EVENTS = 4_000
WAYS = ("directly", "through nginx", "by nginx")
Row = dict[str, Any]


@dataclass
class World:
    """Servers of one store: ports by the way that a download takes, their own ports and processes, and two exports."""

    ports: dict[str, int]
    bare: Sequence[int]
    logs: dict[str, Path]
    processes: Sequence[int]
    lines: Row
    table: Row

    def url(self, way: str, manifest: Row, port: int | None = None) -> str:
        """The link of an export's file, at the port of a way or at another one."""
        link = urlsplit(str(manifest["files"][0]["url"]))
        return urlunsplit(link._replace(netloc=f"127.0.0.1:{port or self.ports[way]}"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, template_of: TemplateOf) -> Iterator[World]:
    """A store with some megabytes that do not compress, as JSON in gzip and as Parquet."""
    folder = tmp_path_factory.mktemp("downloads")
    data = folder / "data"
    template_of("sqlite", "provisioned").copy(data, "")
    (data / "tailrace.toml").write_text("[seal]\ninterval_ms = 50\n")
    accel = {"TAILRACE_DOWNLOADS__ACCEL_PREFIX": "/tailrace-files/", "TAILRACE_TRUSTED_PROXIES": "10.9.9.9"}
    with ExitStack() as running:
        plain = running.enter_context(Server(data))
        behind = running.enter_context(Server(data, environment=accel, options=["--no-worker"]))
        through = running.enter_context(nginx(folder / "one", plain.port, data))
        by = running.enter_context(nginx(folder / "two", behind.port, data))
        with Client(plain.url) as client:
            lines, table = _exports(client)
        ports = dict(zip(WAYS, (plain.port, through, by), strict=True))
        logs = dict(zip(WAYS, (plain.log, folder / "one", folder / "two"), strict=True))
        yield World(ports, [plain.port, behind.port], logs, [plain.process.pid, behind.process.pid], lines, table)


def _exports(client: Client) -> tuple[Row, Row]:
    chance = random.Random(11)  # noqa: S311 - a story, not a secret
    for start in range(0, EVENTS, 1000):
        numbers = range(start, start + 1000)
        client.send([event(f"e{n}", T0 + n, params={"text": chance.randbytes(400).hex()}) for n in numbers])
    client.send([event("end", T0 + EVENTS, session_id="s1") | {"session": {"end": True}}])
    window = {"axis": "event_time", "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    while (lines := client.export(window))["rows"] < EVENTS + 1:
        time.sleep(0.2)  # it is sealed when the worker looks
    return lines, client.export(window, format="parquet")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How bytes come."""
    name: str = request.param
    return name


def digest(path: Path) -> str:
    """What is compared with the manifest."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


CURL = ("curl", "--silent", "--fail", "-C", "-", "-o")
WGET = ("wget", "--quiet", "--tries=1", "-c", "-O")


@pytest.mark.parametrize("command", [CURL, WGET], ids=["curl", "wget"])
def test_a_download_goes_on_where_it_was_cut(world: World, way: str, command: Sequence[str], tmp_path: Path) -> None:
    """`curl -C -` and `wget -c` notice that the end is missing, ask for the rest, and have the file of the manifest."""
    file, out = world.lines["files"][0], tmp_path / "file"
    with Relay(world.ports[way]) as relay:
        url = world.url(way, world.lines, relay.port)
        relay.stop_at = 1_000_000
        assert subprocess.run([*command, str(out), url], check=False).returncode != 0
        assert 0 < out.stat().st_size < file["bytes"]
        relay.stop_at = None
        subprocess.run([*command, str(out), url], check=True)
    assert digest(out) == file["sha256"]


def test_a_download_killed_ten_times_ends_as_the_manifest_says(world: World, way: str, tmp_path: Path) -> None:
    """curl and wget in turn, killed with SIGKILL or cut, each at a random byte: nothing is lost or there twice."""
    file, out = world.lines["files"][0], tmp_path / "file"
    chance = random.Random(f"{way} 7")  # noqa: S311 - a story, not a secret
    with Relay(world.ports[way]) as relay:
        url = world.url(way, world.lines, relay.port)
        out.touch()
        for number in range(10):
            before = out.stat().st_size
            relay.stop_at = 600 + chance.randrange((file["bytes"] - before) // 4)
            relay.hold = chance.random() < 0.5
            relay.stopped.clear()
            with subprocess.Popen([*(CURL, WGET)[number % 2], str(out), url]) as process:
                assert relay.stopped.wait(30)
                if relay.hold:
                    process.kill()
                assert process.wait(30) != 0
            assert before <= out.stat().st_size < file["bytes"]
        relay.stop_at, relay.hold = None, False
        subprocess.run([*CURL, str(out), url], check=True)
    assert digest(out) == file["sha256"]


def test_four_ranges_at_once_make_the_file(world: World, way: str) -> None:
    """Quarters that are fetched side by side and put together are the file; each says where it is from."""
    file, url = world.lines["files"][0], world.url(way, world.lines)
    size = file["bytes"]
    bounds = [size * quarter // 4 for quarter in range(5)]

    def fetch(start: int, stop: int) -> bytes:
        answer = httpx.get(url, headers={"range": f"bytes={start}-{stop - 1}"}, timeout=60)
        assert (answer.status_code, answer.headers["content-range"]) == (206, f"bytes {start}-{stop - 1}/{size}")
        return answer.content

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(fetch, bounds[:-1], bounds[1:]))
    assert hashlib.sha256(b"".join(parts)).hexdigest() == file["sha256"]


def test_parquet_is_read_by_its_url(world: World, way: str) -> None:
    """fsspec and pyarrow read one column by ranges, and never the whole file."""
    url = world.url(way, world.table)
    with fsspec.open(url, block_size=1 << 16).open() as source:
        assert source.size == world.table["files"][0]["bytes"]
        column = pq.ParquetFile(source).read(columns=["event"]).column("event").to_pylist()
        fetched = source.cache.total_requested_bytes
    assert sorted(column) == sorted([*(f"e{n}" for n in range(EVENTS)), "end"])
    assert fetched < world.table["files"][0]["bytes"] / 2


def test_headers_are_the_same_by_every_way(world: World, way: str) -> None:
    """HEAD and GET say length, name, tag and digest; tags decide what comes, and dates never do."""
    file, url = world.lines["files"][0], world.url(way, world.lines)
    tag = f'"{file["sha256"]}"'
    get, head = httpx.get(url), httpx.head(url)
    for answer in (get, head):
        assert answer.status_code == 200
        assert answer.headers["content-length"] == str(file["bytes"])
        assert answer.headers["content-type"] == "application/gzip"
        assert answer.headers["etag"] == tag
        assert answer.headers["repr-digest"].startswith("sha-256=:")
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["cache-control"] == "private, no-transform"
        assert file["name"] in answer.headers["content-disposition"]
        assert not {"last-modified", "content-encoding", "x-accel-redirect"} & set(answer.headers)
    for condition, status in ((tag, 206), ('"changed"', 200), (f"W/{tag}", 200), (get.headers["date"], 200)):
        answer = httpx.get(url, headers={"range": "bytes=100-199", "if-range": condition})
        assert answer.status_code == status, condition
        assert answer.content == (get.content[100:200] if status == 206 else get.content)
    assert httpx.get(url, headers={"if-none-match": tag}).status_code == 304
    late = {"if-modified-since": "Fri, 31 Dec 2100 00:00:00 GMT"}
    assert httpx.get(url, headers=late).status_code == 200
    beyond = httpx.get(url, headers={"range": f"bytes={file['bytes']}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{file['bytes']}")
    assert beyond.json()["code"] == "range_not_satisfiable"
    forged = httpx.get(url.replace("expires=", "expires=1"))
    assert forged.status_code == 401


def test_what_is_packed_is_not_packed_again(world: World, way: str) -> None:
    """nginx would compress everything, and does so with the manifest; a file comes as it is, with its length."""
    file = world.lines["files"][0]
    greedy = {"accept-encoding": "gzip"}
    answer = httpx.get(world.url(way, world.lines), headers=greedy)
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == str(file["bytes"])
    assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
    assert gzip.decompress(answer.content).count(b"\n") == EVENTS + 1
    path = f"http://127.0.0.1:{world.ports[way]}/v1/exports/{world.lines['export']}/manifest"
    manifest = httpx.get(path, headers=greedy | {"authorization": "Bearer tok_ana"})
    assert (manifest.headers.get("content-encoding") == "gzip") is (way != "directly")
    assert urlsplit(manifest.json()["files"][0]["url"]).port == world.ports[way], "links are below what was asked"


def test_a_trusted_proxy_says_how_it_was_asked(world: World) -> None:
    """Links follow the scheme that a proxy tells of, if it is trusted: the test speaks from this machine, which the
    first server trusts and the second does not.
    """
    headers = {"authorization": "Bearer tok_ana", "x-forwarded-proto": "https", "host": "data.example"}
    for port, scheme in zip(world.bare, ("https", "http"), strict=True):
        path = f"http://127.0.0.1:{port}/v1/exports/{world.lines['export']}/manifest"
        link = httpx.get(path, headers=headers).json()["files"][0]["url"]
        assert link.startswith(f"{scheme}://data.example/v1/exports/")


def test_no_log_holds_a_link(world: World, way: str) -> None:
    """A download is in the logs, by its name or by its route, and what opens it is not: good, refused or cut."""
    url = world.url(way, world.lines)
    signature = parse_qs(urlsplit(url).query)["signature"][0]
    assert httpx.get(url).status_code == 200
    assert httpx.get(url + "x").status_code == 401
    with httpx.stream("GET", url) as answer:
        next(answer.iter_raw(1000))
    log = world.logs[way]
    texts = [path.read_text() for path in ([log] if log.is_file() else log.iterdir()) if path.is_file()]
    seen = "/files/{name}" if way == "directly" else world.lines["files"][0]["name"]
    assert any(seen in text for text in texts)
    assert not [text for text in texts if signature in text or "signature=" in text]


def test_the_server_runs_on_what_makes_it_quick(world: World) -> None:
    """uvloop and httptools are loaded by the real process: without them downloads are several times slower."""
    for process in world.processes:
        loaded = Path(f"/proc/{process}/maps").read_text()
        assert re.search(r"/uvloop/.*\.so", loaded)
        assert re.search(r"/httptools/.*\.so", loaded)


def test_a_download_is_counted_where_nginx_sends_it(world: World) -> None:
    """The audit says that it began, though not a byte came from the server itself."""
    before = told(world)
    assert httpx.get(world.url("by nginx", world.table)).status_code == 200
    assert told(world) == [world.table["files"][0]["name"], *before]


def told(world: World) -> list[str]:
    """Names of the files whose downloads the audit tells of, newest first."""
    url = f"http://127.0.0.1:{world.bare[0]}/v1/audit?action=file.downloaded&limit=1000"
    entries = httpx.get(url, headers={"authorization": "Bearer tok_ana"}).json()["entries"]
    return [entry["detail"]["file"] for entry in entries]
