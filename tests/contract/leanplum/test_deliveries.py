"""Copies to S3 and callbacks that are asked for with an export."""

import gzip
import time
from collections.abc import Iterator

import pytest

from tests.contract.leanplum.client import file
from tests.contract.leanplum.conftest import HOUR, NOON, TODAY, World
from tests.sending import event
from tests.stores import ACCOUNT, PASSWORD, S3Server
from tests.unit.delivery.dispatch import Receiver, receiving

CALLBACK_SECRET = "token-of-the-callback"


@pytest.fixture
def receiver(world: World, moto: S3Server) -> Iterator[Receiver]:
    """What callbacks are sent to; copies go to a server of the test, whichever export asks."""
    delivery = world.house.settings.delivery
    delivery.s3_endpoint, delivery.allow_networks = moto.endpoint, "127.0.0.0/8"
    with receiving() as found:
        yield found
    delivery.s3_endpoint = delivery.allow_networks = ""


def bucket_arguments(bucket: str, **more: str) -> dict[str, str]:
    """What a copy needs."""
    return {"s3BucketName": bucket, "s3AccessId": ACCOUNT, "s3AccessKey": PASSWORD, "s3ObjectPrefix": "raw/x-"} | more


@pytest.mark.parametrize("compress", ["false", "true"])
def test_a_copy_and_a_callback(
    world: World, receiver: Receiver, moto: S3Server, compress: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Files are in the bucket under the prefix and their names, packed if that is asked for, and the job tells which
    is where; `numBytes` is that of the files as they are served. Then the callback gets the answer of getExportResults.
    No secret is in the database or the log, nor is there in the log a name that opens a file.
    """
    world.take_in(event("x", NOON - HOUR, params={"n": 1}))
    bucket = moto.bucket()
    url = f"{receiver.url}/done?token={CALLBACK_SECRET}"
    asked = bucket_arguments(bucket, compressData=compress, exportFormat="csv", callbackUrl=url)
    job = world.client.export(TODAY, **asked)
    done = world.client.wait(job)
    copied = {one["sourceFile"]: one["destFile"] for one in done["s3CopyStatus"]["success"]}
    ending = ".gz" if compress == "true" else ""
    names = [url.rpartition("/")[2] for url in done["files"]]
    assert copied == {name: f"raw/x-{name}{ending}" for name in names}
    assert list(done["s3CopyStatus"]) == ["success"]
    for url, key in zip(done["files"], copied.values(), strict=True):
        held = moto.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert (gzip.decompress(held) if ending else held) == file(url)
    assert done["numBytes"] == sum(len(file(url)) for url in done["files"])
    assert len(moto.client.list_objects_v2(Bucket=bucket)["Contents"]) == 6
    told = wait_for(receiver)
    assert told == {"response": [world.client.results(job)]}
    data = b"".join(path.read_bytes() for path in world.house.data.glob("*.db*"))
    assert world.client.app.encode() in data
    assert [secret for secret in (PASSWORD, CALLBACK_SECRET, world.client.key) if secret.encode() in data] == []
    logged = capfd.readouterr().err
    assert "route=/api" in logged
    assert [text for text in (PASSWORD, CALLBACK_SECRET, world.client.key, *names) if text in logged] == []


def wait_for(receiver: Receiver) -> object:
    """The one callback."""
    until = time.monotonic() + 30
    while not receiver.got:
        assert time.monotonic() < until
        time.sleep(0.02)
    (got,) = receiver.got
    return got.json


def test_a_copy_that_fails(world: World, receiver: Receiver) -> None:
    """An export whose copy cannot be made is finished all the same, and says which files were not copied."""
    world.take_in(event("x", NOON - HOUR))
    done = world.client.wait(world.client.export(TODAY, **bucket_arguments("no-such-bucket-here")))
    (name,) = (url.rpartition("/")[2] for url in done["files"])
    assert done["s3CopyStatus"] == {"success": [], "failed": [{"sourceFile": name}]}
    assert receiver.got == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"s3BucketName": "a bucket"}, "s3BucketName"),
        ({"s3ObjectPrefix": "../x"}, "s3ObjectPrefix"),
        ({"callbackUrl": "ftp://x/SECRET"}, "callbackUrl"),
        ({"callbackUrl": "https://user:SECRET@host/"}, "callbackUrl"),
    ],
)
def test_what_cannot_be_delivered_is_refused(world: World, arguments: dict[str, str], says: str) -> None:
    """An argument that cannot be is named by its own name, and its value is not repeated; it costs nothing."""
    world.take_in(event("x", NOON - HOUR))
    world.limits(per_day=1)
    answer = world.client.call("exportData", startDate=TODAY, **(bucket_arguments("bucket") | arguments))
    assert (answer.status, says in answer.message) == (200, True), answer.body
    assert "SECRET" not in answer.message
    assert PASSWORD not in answer.message
    assert world.client.call("exportData", startDate=TODAY).status == 200
