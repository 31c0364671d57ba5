"""Workers that are killed while they deliver: another one goes on, and nothing lies anywhere twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tailrace.config import SETTINGS_FILE
from tailrace.model.delivery import S3Copy, Webhook
from tests.stores import ACCOUNT, PASSWORD, S3Server
from tests.unit.delivery.dispatch import Dispatch, Receiver

WAIT_S = 120
SETTINGS = """
[delivery]
allow_networks = "127.0.0.0/8"
lease_ms = 300
running = 1
[exports]
pool = "threads"
"""


def worker(data: Path, kill: str) -> "subprocess.Popen[bytes]":
    """A worker that dies at a point."""
    command = [sys.executable, "-m", "tailrace", "worker", "--data", str(data), "--workers", "1"]
    with (data.parent / "worker.log").open("ab") as log:
        return subprocess.Popen(command, env=os.environ | {"TAILRACE_TEST_KILL_AT": kill}, stdout=log, stderr=log)


@pytest.mark.crash
def test_a_killed_delivery_goes_on_and_doubles_nothing(dispatch: Dispatch, moto: S3Server, receiver: Receiver) -> None:
    """One worker dies after the first file, the next when all of the copy is there and nobody knows: the bucket holds
    the files and a manifest once, and what waits for the copy is told of it once.
    """
    bucket, data = moto.bucket(), dispatch.house.data
    (data / SETTINGS_FILE).write_text(SETTINGS)
    copy = S3Copy(bucket=bucket, endpoint=moto.endpoint, access_key_id=ACCOUNT, secret_access_key=PASSWORD)
    done = dispatch.export(copy, Webhook(url=receiver.url, after_copies=True))
    names = [*(file["name"] for file in json.loads(done.manifest or "")["files"])]
    for kill in ("delivery.file_copied", "delivery.before_end"):
        dying = worker(data, kill)
        assert dying.wait(WAIT_S) == -signal.SIGKILL
        if kill == "delivery.file_copied":
            assert list(moto.objects(bucket)) == [f"{done.id}/{name}" for name in names]
    deadline = time.monotonic() + WAIT_S
    while any(found.state != "delivered" for found in dispatch.standings(done)):
        assert time.monotonic() < deadline, dispatch.standings(done)
        dispatch.deliver()  # nothing, until the lease of the last one is over
        time.sleep(0.02)
    keys = sorted(moto.objects(bucket))
    schema = json.loads(done.manifest or "")["schema"]["name"]
    assert keys == sorted(f"{done.id}/{name}" for name in (*names, schema, "manifest.json"))
    assert moto.uploads(bucket) == []
    assert [got.headers["webhook-id"] for got in receiver.got] == [dispatch.standings(done)[1].id]
