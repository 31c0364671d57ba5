"""A real nginx with the configuration that we ship, as a process of a test's own."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import free_port

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "nginx" / "tailrace.conf"
READY_S = 30
# A proxy that compresses whatever it is let; what must not be, our file has to say.
AROUND = """
{user}
daemon off; worker_processes 1; pid nginx.pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    types {{ }}
    default_type application/octet-stream;
    gzip_min_length 1;
    include tailrace.conf;
}}
"""


@contextmanager
def nginx(folder: Path, upstream: int, data: Path) -> Iterator[int]:
    """The example in front of a port, in a folder of its own where its logs are; the port that it listens on.

    Only addresses and paths are exchanged, and the types to be compressed are all there are.
    """
    folder.mkdir()
    port = free_port()
    text = EXAMPLE.read_text("utf-8")
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:8080", f"127.0.0.1:{upstream}"),
        ("/var/lib/tailrace/files/", f"{data}/files/"),
        ("/var/log/nginx/", f"{folder}/"),
        ("gzip_types application/json application/problem+json;", "gzip_types *;"),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "tailrace.conf").write_text(text)
    conf = folder / "nginx.conf"
    conf.write_text(AROUND.format(user="user root;" if os.geteuid() == 0 else ""))
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen([program(), "-p", str(folder), "-c", str(conf)], stdout=out, stderr=out)
    try:
        _wait(folder / "nginx.pid", process, folder / "out")
        yield port
    finally:
        process.terminate()
        process.wait(READY_S)


def program() -> str:
    """Where nginx is; Debian keeps it off the path of those who are not root."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, "nginx is needed: apt-get install nginx-light"
    return found


def _wait(pid: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """It has bound its port before it writes its number."""
    deadline = time.monotonic() + READY_S
    while not (pid.exists() and re.match(r"\d", pid.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
