"""Pulling: whatever happens on the way, the directory ends equal to the manifest, or says that it is not."""

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.cli.remote.s3 import S3Source
from tailrace.client import Client, ConnectionLost, Mismatch, ProblemError, Retries
from tailrace.client.problems import ClientError
from tailrace.client.pull.finding import source_of
from tailrace.client.pull.folder import Folder
from tailrace.client.pull.listing import read_listing
from tailrace.client.pull.options import Options
from tailrace.client.pull.parts import Part, spans
from tailrace.client.pull.pulling import pull
from tailrace.model.errors import Invalid, Unavailable
from tests.contract_server import TOKEN, ContractServer, Reply, busy, cut, garbled
from tests.stores import S3Server
from tests.unit.client.conftest import QUICK

PIECE = 1 << 16
BIG = random.Random(1).randbytes(10 * PIECE + 7)  # noqa: S311 - bytes like any others
FILES = {"big.json.gz": BIG, "small é.json": b"small", "empty.json": b"", "export.schema.json": b"{}"}


def get(client: Client, out: Path, what: str = "exp_ready", **more: Any) -> Any:
    """Pull in small pieces."""
    options = Options(more.pop("parallel", 4), PIECE, more.pop("verify", False), QUICK)
    return pull(source_of(what, client.runner), out, options, **more)


def check(out: Path, files: dict[str, bytes] = FILES) -> Any:
    """The directory holds just these bytes under these names, and their manifest; the manifest."""
    found = {path.name: path.read_bytes() for path in out.iterdir()}
    manifest = json.loads(found.pop("manifest.json"))
    assert found.keys() == files.keys()
    for name, data in files.items():
        assert hashlib.sha256(found[name]).digest() == hashlib.sha256(data).digest(), name
    return manifest


def spans_asked(server: ContractServer) -> list[str]:
    """The ranges that were asked for."""
    return [seen.headers["range"] for seen in server.asked("GET", "files/") if "range" in seen.headers]


def test_files_come_in_pieces(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """A large file by ranges of one version of it, each asked for once; small ones whole; a HEAD is no download; the
    manifest is kept with what a newer server put there, and without what opens its links.
    """
    heard: list[tuple[int, int]] = []
    export = server.ready(FILES)
    pulled = get(client, tmp_path / "deep" / "out", progress=lambda done, total: heard.append((done, total)))
    manifest = check(tmp_path / "deep" / "out")
    size = sum(map(len, FILES.values()))
    assert (pulled.files, pulled.bytes, pulled.loaded, heard[-1]) == (4, size, size, (size, size))
    assert sorted(spans_asked(server)) == sorted(
        f"bytes={at}-{min(at + PIECE, len(BIG)) - 1}" for at in range(0, len(BIG), PIECE)
    )
    etag = f'"{hashlib.sha256(BIG).hexdigest()}"'
    assert {seen.headers["if-range"] for seen in server.asked("GET") if "range" in seen.headers} == {etag}
    assert len(server.asked("HEAD")) == 1
    assert manifest["news"] == {"of": "a newer server"}
    assert [file["url"] for file in manifest["files"]] == [
        f"{server.url}/v1/exports/{export}/files/{name}" for name in list(FILES)[:3]
    ]


def test_a_complete_directory_is_left_alone(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """A second run asks nobody and writes nothing; --verify reads, and mends just what is damaged; a file that is
    missing or short is loaded again; a directory of another export is not touched.
    """
    server.ready(FILES)
    get(client, tmp_path)
    server.seen.clear()
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert get(client, tmp_path).loaded == get(client, tmp_path, verify=True).loaded == 0
    assert server.seen == []
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    (tmp_path / "empty.json").unlink()
    (tmp_path / "small é.json").write_bytes(b"smal")
    assert get(client, tmp_path).loaded == 5
    (tmp_path / "small é.json").write_bytes(b"SMALL")
    assert get(client, tmp_path).loaded == 0
    assert get(client, tmp_path, verify=True).loaded == 5
    check(tmp_path)
    server.ready({"other.json": b"x"}, "exp_other")
    with pytest.raises(Invalid, match="holds another export"):
        get(client, tmp_path, "exp_other")
    check(tmp_path)


def test_what_breaks_off_goes_on_at_its_byte(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """Cut connections, busy answers and resets: no byte is asked for twice, and more failures than repeats are
    survived as long as each gets further.
    """
    server.ready(FILES)
    server.plan(cut(1000), "GET", "big", times=20)
    server.plan(busy(), "GET", "big", times=3)
    server.plan(lambda *_: None, "HEAD", "big", times=2)
    get(client, tmp_path, parallel=1)
    check(tmp_path)
    starts = [int(span[6:].partition("-")[0]) for span in spans_asked(server)]
    assert starts[:21] == [1000 * n for n in range(21)]


def test_links_that_expire_midway_are_fetched_anew(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """A refused link brings a fresh manifest, and loading goes on; one that is refused though fresh is an error."""
    export = server.ready(FILES)

    def expire(_: Any, answer: Callable[[], Reply]) -> Reply:
        whole = answer()
        server.generation += 1
        return whole

    server.plan(expire, "GET", "big", times=3)
    get(client, tmp_path / "one", parallel=2)
    check(tmp_path / "one")
    assert 2 <= len(server.asked("GET", "/manifest")) <= 8
    assert len(set(spans_asked(server))) == 11
    server.plan(lambda *_: Reply(403, b"{}"), "GET", "big", times=1000)
    with pytest.raises(ProblemError):
        get(client, tmp_path / "two")
    assert not (tmp_path / "two" / "manifest.json").exists()
    assert export


def test_files_that_change_are_not_mixed(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """Pieces of one version are not used for another, and a manifest that lists other files midway is an error."""
    server.ready(FILES)
    server.plan(lambda *_: Reply(400, b""), "GET", "big", skip=3)
    with pytest.raises(ProblemError):
        get(client, tmp_path, parallel=1)
    loaded = len(spans_asked(server)) - 1
    server.etag = '"another version"'
    get(client, tmp_path)
    assert len(spans_asked(server)) == loaded + 1 + 11
    check(tmp_path)

    def replace(_: Any, answer: Callable[[], Reply]) -> Reply:
        whole = answer()
        server.files["big.json.gz"] = BIG[::-1]
        server.generation += 1
        return whole

    server.plan(replace, "GET", "big")
    with pytest.raises(Invalid, match="lists other files than it did"):
        get(client, tmp_path / "new")
    server.ready(FILES)
    server.plan(lambda _seen, _answer: Reply(200, BIG), "GET", "big", times=1)
    with pytest.raises(Mismatch, match="another file"):
        get(client, tmp_path / "whole")


def test_bytes_that_are_wrong_are_loaded_once_more(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """One flipped bit is mended; if it comes again, nothing gets the file's name and there is no manifest."""
    server.ready(FILES)
    server.plan(garbled, "GET", "big")
    assert get(client, tmp_path / "once").loaded > len(BIG)
    check(tmp_path / "once")
    server.plan(garbled, "GET", "small", times=2)
    with pytest.raises(Mismatch, match="small"):
        get(client, tmp_path / "twice")
    assert not {"small é.json", "manifest.json"} & {path.name for path in (tmp_path / "twice").iterdir()}
    get(client, tmp_path / "twice")
    check(tmp_path / "twice")


def test_a_server_without_ranges_or_head(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """Files come whole; what breaks off begins anew; a length that is not the manifest's is an error at once."""
    server.ready(FILES)
    server.ranges = False
    server.plan(cut(100_000), "GET", "big")
    get(client, tmp_path / "plain")
    check(tmp_path / "plain")
    server.plan(lambda *_: Reply(405), "HEAD")
    get(client, tmp_path / "old")
    check(tmp_path / "old")
    server.plan(lambda *_: Reply(200, b"1234"), "GET", "small")
    with pytest.raises(Mismatch, match="another file"):
        get(client, tmp_path / "short")


def test_patience_ends(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """A server that only ever breaks off is given up, with what it did as the error; so is an export that is gone."""
    server.ready(FILES)
    server.plan(lambda *_: None, "GET", "small", times=100)
    with pytest.raises(ConnectionLost):
        get(client, tmp_path)
    assert len(server.asked("GET", "small")) == 1 + QUICK.most
    with pytest.raises(ProblemError, match="no such export"):
        get(client, tmp_path / "none", "exp_none")


NAMES = ["../up", "a/b", "/abs", "..", ".", "", ".hidden", "a\\b", "a\0b", "a\nb", "manifest.json", "x.manifest.json",
         "é" * 121, "\ud800", 7, None]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_no_name_leads_out_of_the_directory(tmp_path: Path, name: Any) -> None:
    """A manifest with such a name is refused before anything is written."""
    there = tmp_path / "there"
    there.mkdir()
    entry = {"name": name, "bytes": 1, "sha256": "0" * 64}
    (there / "manifest.json").write_text(json.dumps({"export": "e", "files": [entry]}))
    with pytest.raises(Invalid, match="manifest"):
        pull(source_of(str(there), None), tmp_path / "out", Options())
    assert list((tmp_path / "out").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "there"]


WRONG: list[Any] = [
    b"",
    b"[]",
    b"{}",
    b'{"export": "e"}',
    b'{"export": 1, "files": []}',
    b'{"export": "e", "files": [1]}',
    b"\xff",
]
GOOD = {"name": "a", "bytes": 1, "sha256": "0" * 64}


def test_what_is_no_manifest_is_refused() -> None:
    """Bytes that are none, entries without size or hash, names that come twice."""
    for text in WRONG:
        with pytest.raises(Invalid):
            read_listing(text)
    for change in (
        {"bytes": -1},
        {"bytes": True},
        {"bytes": "1"},
        {"sha256": "0"},
        {"sha256": "G" * 64},
        {"sha256": None},
    ):
        with pytest.raises(Invalid):
            read_listing(json.dumps({"export": "e", "files": [GOOD | change]}).encode())
    with pytest.raises(Invalid, match="twice"):
        read_listing(json.dumps({"export": "e", "files": [GOOD], "schema": GOOD}).encode())
    assert read_listing(json.dumps({"export": "e", "files": [GOOD | {"bytes": 0}]}).encode()).size == 0


def test_a_planted_link_is_not_written_through(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """A symbolic link under a file's name is replaced, and what it leads to stays."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"small")
    out = tmp_path / "out"
    out.mkdir()
    (out / "small é.json").symlink_to(victim)
    server.ready(FILES | {"small é.json": b"LARGE"})
    get(client, out)
    assert victim.read_bytes() == b"small"
    assert not (out / "small é.json").is_symlink()


def test_a_manifest_with_its_files_beside_it(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """By the path of a pulled directory, by that of its manifest, and by a URL that ends in .json, with no token for
    other hosts; a URL that does not is a manifest with links.
    """
    export = server.ready(FILES)
    get(client, tmp_path / "first")
    check(tmp_path / "first")
    for number, what in enumerate((tmp_path / "first", tmp_path / "first" / "manifest.json")):
        options = Options(2, PIECE)
        pull(source_of(str(what), None), tmp_path / str(number), options)
        check(tmp_path / str(number))
    server.static = {f"/x/{path.name}": path.read_bytes() for path in (tmp_path / "first").iterdir()}
    server.static["/x/small%20%C3%A9.json"] = server.static.pop("/x/small é.json")
    with Client("http://elsewhere.example", "tok_elsewhere", retries=QUICK) as other:
        get(other, tmp_path / "url", f"{server.url}/x/manifest.json?cache=no")
        check(tmp_path / "url")
        with pytest.raises(ProblemError, match="401"):
            get(other, tmp_path / "no", f"{server.url}/v1/exports/{export}/manifest")
    assert all("authorization" not in seen.headers for seen in server.asked("GET", "/x/"))
    server.plan(busy(), "GET", "/manifest")
    get(client, tmp_path / "links", f"{server.url}/v1/exports/{export}/manifest")
    check(tmp_path / "links")


def test_a_manifest_in_a_bucket(
    moto: S3Server, server: ContractServer, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its s3:// URL and the standard AWS environment."""
    server.ready(FILES)
    get(client, tmp_path / "first")
    bucket = moto.bucket()
    for path in (tmp_path / "first").iterdir():
        moto.client.put_object(Bucket=bucket, Key=f"a/b/{path.name}", Body=path.read_bytes())
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    pull(S3Source(f"s3://{bucket}/a/b/manifest.json"), tmp_path / "out", Options(2, PIECE))
    check(tmp_path / "out")
    for wrong in ("s3://", f"s3://{bucket}/a/", "s3:///manifest.json"):
        with pytest.raises(Invalid):
            S3Source(wrong)


def test_one_pull_at_a_time(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """A second one is told to wait; the lock is let go with the first."""
    server.ready(FILES)
    with Folder(tmp_path).held(), pytest.raises(Unavailable, match="another pull"):
        get(client, tmp_path)
    get(client, tmp_path)
    check(tmp_path)


def test_pieces_are_remembered(tmp_path: Path) -> None:
    """What was marked is not missing; another version, size of pieces or hash begins anew; marks without bytes are
    nothing.
    """
    assert [(span.start, span.stop) for span in spans(5, 2)] == [(0, 2), (2, 4), (4, 5)]
    assert [(span.start, span.stop) for span in spans(0, 2)] == [(0, 0)]
    item = read_listing(json.dumps({"export": "e", "files": [GOOD | {"bytes": 5}]}).encode()).items[0]
    part = Part(tmp_path, item, 2, '"v1"')
    part.write(2, b"cd")
    part.mark(part.missing()[1])
    assert [span.number for span in Part(tmp_path, item, 2, '"v1"').missing()] == [0, 2]
    assert len(Part(tmp_path, item, 2, '"v2"').missing()) == 3
    assert len(Part(tmp_path, item, 1, '"v1"').missing()) == 5
    part.path.unlink()
    assert len(Part(tmp_path, item, 2, '"v1"').missing()) == 3
    for wrong in ((0, PIECE), (65, PIECE), (1, 1)):
        with pytest.raises(Invalid):
            Options(*wrong)


def test_an_error_ends_all_work(server: ContractServer, client: Client, tmp_path: Path) -> None:
    """One file's refusal stops the others at their next chunk, and what they have stays for the next run."""
    server.ready(FILES)
    server.pace = 0.02
    server.plan(lambda *_: Reply(400, b""), "GET", "small")
    with pytest.raises(ClientError):
        get(client, tmp_path, parallel=2)
    asked = len(server.seen)
    server.pace = 0
    time.sleep(0.1)
    assert len(server.seen) == asked
    get(client, tmp_path)
    check(tmp_path)


@pytest.mark.crash
def test_killed_ten_times_it_ends_equal_to_the_manifest(server: ContractServer, tmp_path: Path) -> None:
    """A real `tailrace pull` meets SIGKILL at ten moments of a seeded choice, told by what the server has seen, while
    links expire and connections break; what was there is not asked for again, and the end is the manifest.
    """
    dice = random.Random(20261128)  # noqa: S311 - a seed, so that a failure comes again
    files = {f"{n}.json.gz": dice.randbytes(dice.randrange(30, 60) * PIECE + n) for n in range(4)} | {
        "x.schema.json": b"{}"
    }
    server.ready(files)
    server.plan(cut(30_000), "GET", "files/", times=30, skip=20)
    command = [sys.executable, "-m", "tailrace", "pull", "exp_ready", "--out", str(tmp_path / "out")]
    command += ["--piece-bytes", str(PIECE), "--parallel", "3", "--json"]
    environment = os.environ | {
        "TAILRACE_SERVER": server.url,
        "TAILRACE_TOKEN": TOKEN,
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    total = sum(len(spans(len(data), PIECE)) for data in files.values())
    kills = 0
    while kills < 10:
        server.pace = 0.002
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        goal = len(spans_asked(server)) + dice.randrange(1, max(2, total // 14))
        while len(spans_asked(server)) < goal and process.poll() is None:
            time.sleep(0.001)
        assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
        kills += 1
        server.generation += kills % 2
        assert not (tmp_path / "out" / "manifest.json").exists()
    server.pace = 0
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    check(tmp_path / "out", files)
    assert len(spans_asked(server)) <= total + 30 + 10 * 3
    assert json.loads(done.stdout)["loaded"] < sum(map(len, files.values()))


def test_an_interruption_lets_go(server: ContractServer, tmp_path: Path) -> None:
    """An exception from outside, such as Ctrl-C in the progress, ends the pull and keeps what is there."""
    server.ready(FILES)
    with Client(server.url, TOKEN, retries=Retries(first_s=30, longest_s=30)) as client:

        def interrupt(done: int, _: int) -> None:
            if done > 3 * PIECE:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            get(client, tmp_path, progress=interrupt)
        get(client, tmp_path)
    check(tmp_path)
