"""A PostgreSQL of one's own, which may be stopped and started."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "postgres"


@dataclass(frozen=True)
class Cluster:
    """A server that `scripts/postgres` has started, by the URL of its database and the folder of its data."""

    url: str
    data: Path

    def stop(self) -> None:
        """Stop it as a crash would."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it again, at the same port."""
        self._control("start", "-l", str(self.data.parent / "log"))

    def _control(self, *arguments: str) -> None:
        binary = Path((self.data / "postmaster.opts").read_text().split()[0]).with_name("pg_ctl")
        account = pwd.getpwuid(self.data.stat().st_uid).pw_name
        become = ["runuser", "-u", account, "--"] if os.getuid() == 0 else []
        command = [*become, str(binary), *arguments, "-w", "-t", "60", "-D", str(self.data)]
        # Into a file: the server keeps what it inherits, so a pipe would never end.
        with Path(os.devnull).open("wb") as nowhere:
            subprocess.run(command, cwd="/", stdout=nowhere, stderr=nowhere, check=True)


@contextmanager
def new_cluster() -> Iterator[Cluster]:
    """Start one; it is removed when the block ends."""
    if "TAILRACE_TEST_POSTGRES" not in os.environ:
        pytest.skip("without TAILRACE_TEST_POSTGRES there is no PostgreSQL; scripts/test has one")
    started = subprocess.run([SCRIPT, "start"], stdout=subprocess.PIPE, text=True, check=False)
    if started.returncode:
        pytest.skip("there is no PostgreSQL here that could be started and stopped")
    try:
        yield cluster_of(started.stdout.strip())
    finally:
        subprocess.run([SCRIPT, "stop", started.stdout.strip()], check=True)


def cluster_of(url: str) -> Cluster:
    """The cluster behind a URL of `scripts/postgres`."""
    port = url.rsplit(":", 1)[1].split("/")[0]
    return Cluster(url, Path((ROOT / ".build" / "postgres" / port).read_text().strip()) / "data")
