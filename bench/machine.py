"""On what was measured: the machine, the versions, and how fast its disk takes bytes."""

import datetime
import json
import os
import platform
import subprocess
import time
from pathlib import Path

WRITTEN = 2 << 30
CHUNK = 1 << 20
_ASK = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


def describe() -> str:
    """Machine, system and day, in one line."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{cpu.partition(':')[2].strip() or platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.platform()}, Python {platform.python_version()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    )


def versions(python: Path, names: tuple[str, ...]) -> str:
    """The versions of packages in another environment."""
    answer = subprocess.run([str(python), "-c", _ASK, *names], check=True, capture_output=True, text=True)
    return ", ".join(f"{name} {version}" for name, version in json.loads(answer.stdout).items())


def disk_speed(folder: Path) -> float:
    """Bytes per second of a large file, written in chunks and synced."""
    path = folder / "speed"
    chunk = os.urandom(CHUNK)
    begin = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for _ in range(WRITTEN // CHUNK):
            file.write(chunk)
        os.fsync(file.fileno())
    spent = time.perf_counter() - begin
    path.unlink()
    return WRITTEN / spent
