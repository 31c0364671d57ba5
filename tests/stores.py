"""Real S3 servers for tests, from the environment that `scripts/test` makes: Swift, which checks signatures and
digests as S3 does, and moto, which knows more of the API. Each starts once, when a test first asks for it.
"""

import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import botocore.session
import httpx
import pytest
from botocore.config import Config

from tests.servers import free_port

S3_PROGRAMS = "TAILRACE_TEST_S3"
READY_S = 60

ACCOUNT = "test:tester"
PASSWORD = "testing"


class Programs:
    """Server processes with one log; they are ready when a URL answers."""

    def __init__(self, folder: Path, commands: Sequence[Sequence[str]], ready_url: str) -> None:
        self._log = folder / "log"
        self._commands = commands
        self._ready_url = ready_url
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start them and wait until they are ready."""
        with self._log.open("ab") as out:
            for command in self._commands:
                self._processes.append(subprocess.Popen(command, stdout=out, stderr=out))
        _wait(self._ready_url, lambda: all(process.poll() is None for process in self._processes), self._log)

    def stop(self) -> None:
        """End them; what they have stored stays."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(READY_S)
        self._processes.clear()

    def __enter__(self) -> "Programs":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass(frozen=True)
class S3Server:
    """A running server, and what it really holds: asked by a client that is not ours."""

    endpoint: str
    programs: Programs

    @cached_property
    def environment(self) -> dict[str, str]:
        """What the standard AWS environment says of it."""
        return {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @cached_property
    def client(self) -> Any:
        """An S3 client."""
        return botocore.session.Session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key=PASSWORD,
            config=Config(s3={"addressing_style": "path"}),
        )

    def bucket(self) -> str:
        """A new bucket."""
        name = f"tailrace-{secrets.token_hex(6)}"
        self.client.create_bucket(Bucket=name)
        return name

    def objects(self, bucket: str) -> dict[str, int]:
        """All objects of a bucket and their sizes."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", ())}

    def uploads(self, bucket: str) -> list[str]:
        """Keys of the uploads of a bucket that have begun and not ended."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
        return [found["Key"] for page in pages for found in page.get("Uploads", ())]

    def read(self, bucket: str, key: str) -> bytes:
        """All of an object."""
        data: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """OpenStack Swift with its S3 API."""
    with swift_in(tmp_path_factory.mktemp("swift")) as server:
        yield server


@contextmanager
def swift_in(folder: Path) -> Iterator[S3Server]:
    """OpenStack Swift with its S3 API, its data in a folder."""
    ports = [free_port() for _ in _SWIFT]
    _configure_swift(folder, ports)
    commands = [[program(f"swift-{kind}-server"), f"{folder}/{kind}.conf"] for kind in _SWIFT]
    endpoint = f"http://127.0.0.1:{ports[-1]}"
    with Programs(folder, commands, f"{endpoint}/healthcheck") as programs:
        yield S3Server(endpoint, programs)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """moto, which keeps everything in memory and believes everybody."""
    folder, port = tmp_path_factory.mktemp("moto"), free_port()
    command = [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    endpoint = f"http://127.0.0.1:{port}"
    with Programs(folder, [command], f"{endpoint}/moto-api/data.json") as programs:
        yield S3Server(endpoint, programs)


def program(name: str) -> str:
    """A program of the environment of S3 servers."""
    folder = os.environ.get(S3_PROGRAMS)
    if not folder:
        pytest.skip(f"{S3_PROGRAMS} names no S3 servers; scripts/test installs them")
    return str(Path(folder) / name)


def _wait(url: str, alive: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and alive():
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


_SWIFT = ("object", "container", "account", "proxy")  # the last is who others talk to

_HASH = """
[swift-hash]
swift_hash_path_suffix = tests
swift_hash_path_prefix = tests
[storage-policy:0]
name = default
default = yes
"""

_COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
disable_fallocate = true
log_level = WARNING
log_udp_host = 127.0.0.1
log_udp_port = 9
"""

_BACKEND = """
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
[container-replicator]
[container-updater]
[container-sharder]
"""

_FILTERS = "catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo symlink"

# Listings come in pages of ten, so that few objects show what many would.
_PROXY = f"""
[pipeline:main]
pipeline = {_FILTERS} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
error_suppression_limit = 1000000000
allow_account_management = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {PASSWORD} .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_bucket_listing = 10
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
""" + "".join(
    f"[filter:{name}]\nuse = egg:swift#{name}\n"
    for name in _FILTERS.split()
    if name not in ("tempauth", "s3api", "cache")
)


def _configure_swift(folder: Path, ports: Sequence[int]) -> None:
    """The files that Swift's four servers read. Their data needs a file system with user attributes."""
    (folder / "devices" / "d1").mkdir(parents=True)
    (folder / "swift.conf").write_text(_HASH)
    for kind, port in zip(_SWIFT, ports, strict=True):
        own = _PROXY if kind == "proxy" else _BACKEND.format(kind=kind)
        (folder / f"{kind}.conf").write_text(_COMMON.format(port=port, folder=folder) + own)
    rings = [word for kind, port in zip(_SWIFT[:-1], ports, strict=False) for word in (folder / kind, str(port))]
    done = subprocess.run([program("python"), "-c", _RINGS, *rings], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# What `swift-ring-builder` does, for all rings in one process. Its code 1 is a warning.
_RINGS = """
import sys
from swift.cli.ringbuilder import main
for stem, port in zip(sys.argv[1::2], sys.argv[2::2]):
    for step in (["create", "4", "1", "0"], ["add", f"r1z1-127.0.0.1:{port}/d1", "1"], ["rebalance"]):
        try:
            main(["swift-ring-builder", f"{stem}.builder", *step])
        except SystemExit as end:
            if end.code not in (0, 1):
                raise
"""
