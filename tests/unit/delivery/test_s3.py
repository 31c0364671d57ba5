"""Copies to S3: what was exported lies in the bucket, whole, once, manifest last, whatever happens on the way."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tailrace.accounts.audit import actor_of
from tailrace.db.tables import exports
from tailrace.delivery.destinations import delete_destination, make_destination
from tailrace.exports.records import Export
from tailrace.exports.verify.verifying import verify
from tailrace.files.s3 import uploads
from tailrace.files.s3.buckets import Bucket, Kept
from tailrace.files.s3.clients import Keys
from tailrace.files.s3.place import Place
from tailrace.model.delivery import S3Copy, Standing, Webhook
from tailrace.model.errors import Invalid
from tailrace.upkeep.expiry import expire
from tests.faults import FaultProxy, error, lost_answer, proxy_before, reset
from tests.sending import principal
from tests.stores import ACCOUNT, PASSWORD, S3Server
from tests.unit.delivery.conftest import SENT
from tests.unit.delivery.dispatch import Dispatch, Receiver, with_settings

PART = 5 << 20
SLOW_DOWN = error(503, "SlowDown")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has no credentials of its own, and what its environment says of an endpoint is not for tenants."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def proxy(swift: S3Server) -> Iterator[FaultProxy]:
    """Harm before Swift, which checks signatures."""
    with proxy_before(swift.endpoint) as between:
        yield between


def copy_to(server: str, into: str, **more: Any) -> S3Copy:
    """A copy with credentials that are right."""
    keys = {"access_key_id": ACCOUNT, "secret_access_key": PASSWORD}
    return S3Copy(**({"bucket": into, "prefix": "in/", "endpoint": server} | keys | more))


def standing(dispatch: Dispatch, export: Export) -> Standing:
    """The first delivery of an export."""
    return dispatch.standings(export)[0]


def write_half(bucket: Bucket, data: bytes) -> None:
    """A writer that fails."""
    with bucket.create("half", "x/y", "m") as sink:
        sink.write(data)
        raise RuntimeError


def ids_in(server: S3Server, bucket: str, keys: list[str]) -> list[str]:
    """Ids of the events that objects of JSON lines hold, packed or not."""
    found = []
    for key in keys:
        data = server.read(bucket, key)
        plain = gzip.decompress(data) if key.endswith(".gz") else data
        found += [json.loads(line)["id"] for line in plain.splitlines()]
    return sorted(found)


SENT_IDS = sorted(record["id"] for record in SENT)


@pytest.mark.parametrize("server", ["swift", "moto"])
def test_a_copy_holds_what_was_sent_and_verifies(
    dispatch: Dispatch, server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The folder of the export in the bucket is all that a verifier needs; files come first and the manifest last."""
    running: S3Server = request.getfixturevalue(server)
    bucket = running.bucket()
    with proxy_before(running.endpoint) as proxy:
        done = dispatch.export(copy_to(proxy.endpoint, bucket))
        assert dispatch.deliver() == 1
        puts = [target for method, target in proxy.seen if method == "PUT"]
    found = standing(dispatch, done)
    assert (found.state, found.where) == ("delivered", f"s3://{bucket}/in/")
    keys = [copied.key for copied in found.copied]
    assert keys == [f"in/{done.id}/{copied.file}" for copied in found.copied]
    assert ids_in(running, bucket, keys) == SENT_IDS
    assert puts[-1].endswith("/manifest.json")
    assert len(puts) == len(set(puts)) == len(running.objects(bucket))
    folder = tmp_path / "copied"
    folder.mkdir()
    for key in running.objects(bucket):
        (folder / key.rpartition("/")[2]).write_bytes(running.read(bucket, key))
    assert verify([folder]).ok


def test_files_are_packed_on_the_way_if_wished(dispatch: Dispatch, moto: S3Server) -> None:
    """A packed copy has another name, and the manifest says its bytes and hash; a flat prefix is possible."""
    bucket = moto.bucket()
    done = dispatch.export(copy_to(moto.endpoint, bucket, compress=True), packing="none")
    flat = dispatch.export(
        copy_to(moto.endpoint, bucket, compress=True, by_export=False, manifest="", prefix="flat-"), packing="none"
    )
    dispatch.deliver()
    (copied,) = standing(dispatch, done).copied
    assert copied.key == f"in/{done.id}/{copied.file}.gz"
    data = moto.read(bucket, copied.key)
    assert ids_in(moto, bucket, [copied.key]) == SENT_IDS
    manifest = json.loads(moto.read(bucket, f"in/{done.id}/manifest.json"))
    (file,) = manifest["files"]
    assert (file["name"], file["packing"]) == (f"{copied.file}.gz", "gzip")
    assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert manifest["bytes"] == len(data)
    (only,) = standing(dispatch, flat).copied
    assert only.key == f"flat-{only.file}.gz"
    assert [key for key in moto.objects(bucket) if key.startswith("flat-")] == [only.key]


def test_encryption_and_class_of_storage_are_asked_for(dispatch: Dispatch, moto: S3Server) -> None:
    """Every object has them, the manifest too."""
    bucket = moto.bucket()
    dispatch.export(
        copy_to(
            moto.endpoint, bucket, encryption="aws:kms", kms_key="k-1", storage_class="STANDARD_IA", region="eu-x-1"
        )
    )
    dispatch.deliver()
    heads = [moto.client.head_object(Bucket=bucket, Key=key) for key in moto.objects(bucket)]
    assert len(heads) == 3
    assert {head["ServerSideEncryption"] for head in heads} == {"aws:kms"}
    assert {head["StorageClass"] for head in heads} == {"STANDARD_IA"}


def test_overload_and_resets_are_waited_for(dispatch: Dispatch, proxy: FaultProxy, swift: S3Server) -> None:
    """SlowDown, a reset and an answer that was lost are tried again at once, a few times; nothing is doubled."""
    bucket = swift.bucket()
    proxy.plan(SLOW_DOWN, "PUT", "/in/")
    proxy.plan(reset, "PUT", "/in/")
    proxy.plan(lost_answer, "PUT", "/manifest.json")
    done = dispatch.export(copy_to(proxy.endpoint, bucket))
    assert dispatch.deliver() == 1
    assert proxy.spent
    assert standing(dispatch, done).state == "delivered"
    assert len(swift.objects(bucket)) == 3


def test_what_lasts_longer_is_tried_again_later_and_goes_on(
    dispatch: Dispatch, proxy: FaultProxy, swift: S3Server
) -> None:
    """An attempt that fails in the middle leaves whole files; the next one sends what is missing, and only that."""
    bucket = swift.bucket()
    dispatch.house.settings.s3.retries = 0
    proxy.plan(SLOW_DOWN, "PUT", "/manifest.json")
    done = dispatch.export(copy_to(proxy.endpoint, bucket))
    assert dispatch.deliver() == 1
    found = standing(dispatch, done)
    assert (found.state, found.error) == ("pending", "the bucket's server fails: SlowDown; it will be tried again")
    assert not [key for key in swift.objects(bucket) if key.endswith("manifest.json")]
    before = proxy.count("PUT")
    dispatch.hurry()
    assert dispatch.deliver() == 1
    assert standing(dispatch, done).state == "delivered"
    assert proxy.count("PUT") - before == 1
    assert len(swift.objects(bucket)) == 3


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"secret_access_key": "WRONG"}, "SignatureDoesNotMatch"),
        ({"bucket": "no-such-bucket-at-all"}, "NoSuchBucket"),
    ],
)
def test_what_the_bucket_refuses_is_given_up_at_once(
    dispatch: Dispatch, swift: S3Server, more: dict[str, str], why: str
) -> None:
    """Nobody has to wait a day to hear that a credential is wrong; the error says the code and no secret."""
    done = dispatch.export(copy_to(swift.endpoint, swift.bucket(), **more))
    assert dispatch.deliver() == 1
    found = standing(dispatch, done)
    assert found.state == "failed"
    assert why in (found.error or "")
    assert "WRONG" not in (found.error or "")


def test_large_objects_go_in_parts_and_leave_none_behind(
    proxy: FaultProxy, swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that fail are sent again; an upload that breaks off, or was left by a killed writer, is aborted."""
    monkeypatch.setattr(uploads, "FIRST_PART", PART)
    name = swift.bucket()
    place = Place(name, "", proxy.endpoint, "us-east-1", True, False, 2)
    bucket = Bucket(place, Keys(ACCOUNT, PASSWORD, ""), Kept(), None)
    data = bytes(range(256)) * ((2 * PART + 1000) // 256)
    proxy.plan(SLOW_DOWN, "PUT", "partNumber=2")
    proxy.plan(reset, "PUT", "partNumber=3")
    proxy.plan(lost_answer, "POST", "uploadId=")
    with bucket.create("large", "application/gzip", "m") as sink:
        sink.write(data)
    assert proxy.spent
    assert swift.read(name, "large") == data
    assert bucket.mark_of("large") == "m"
    with pytest.raises(RuntimeError):
        write_half(bucket, data)
    assert swift.uploads(name) == []
    swift.client.create_multipart_upload(Bucket=name, Key="left")
    swift.client.create_multipart_upload(Bucket=name, Key="left-of-another")
    bucket.abort_left("left")
    assert swift.uploads(name) == ["left-of-another"]
    assert list(swift.objects(name)) == ["large"]


def test_a_stored_destination_brings_bucket_and_credentials(dispatch: Dispatch, moto: S3Server) -> None:
    """Its prefix comes first. One that is deleted fails what is on its way; one that is not there is refused."""
    house, who, bucket = dispatch.house, principal(dispatch.house, dispatch.scope), moto.bucket()
    stored = copy_to(moto.endpoint, bucket, prefix="base/")
    make_destination(house.database, house.reception, who, "lake", stored, actor_of(who))
    done = dispatch.export(S3Copy(destination="lake", prefix="today/"))
    dispatch.deliver()
    found = standing(dispatch, done)
    assert (found.state, found.where) == ("delivered", f"s3://{bucket}/base/today/")
    assert all(key.startswith(f"base/today/{done.id}/") for key in moto.objects(bucket))
    late = dispatch.export(S3Copy(destination="lake"))
    delete_destination(house.database, who, "lake", actor_of(who))
    dispatch.deliver()
    assert (standing(dispatch, late).state, standing(dispatch, late).error) == ("failed", "its destination was deleted")
    with pytest.raises(Invalid, match="no destination"):
        dispatch.ask(S3Copy(destination="lake"))


def test_news_waits_for_copies_if_wished(dispatch: Dispatch, moto: S3Server, receiver: Receiver) -> None:
    """Such a webhook's job is made in the transaction that ends the last copy, also if that failed."""
    bucket = moto.bucket()
    hook = Webhook(url=receiver.url, after_copies=True)
    done = dispatch.export(hook, copy_to(moto.endpoint, bucket), copy_to(moto.endpoint, "no-such-bucket-x"))
    assert [one.state for one in dispatch.standings(done)] == ["waiting", "pending", "pending"]
    assert dispatch.deliver() == 3
    assert [one.state for one in dispatch.standings(done)] == ["delivered", "delivered", "failed"]
    assert len(receiver.got) == 1


def test_without_credentials_only_buckets_of_the_operator(
    dispatch: Dispatch, moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's own credentials are for buckets that a setting names, on its own server; others are refused."""
    bucket, bare = moto.bucket(), {"access_key_id": "", "secret_access_key": ""}
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    ours = with_settings(dispatch.house, environment_buckets=f"x, {bucket}", s3_endpoint=moto.endpoint)
    allowed = Dispatch(ours, dispatch.scope)
    done = allowed.export(copy_to("", bucket, **bare))
    allowed.deliver()
    assert standing(allowed, done).state == "delivered"
    for asked in (copy_to("", "other-bucket", **bare), copy_to(moto.endpoint, bucket, **bare)):
        with pytest.raises(Invalid) as refused:
            allowed.ask(asked)
        assert refused.value.where == "deliveries[0].access_key_id"


def test_endpoints_inside_are_refused(dispatch: Dispatch, moto: S3Server) -> None:
    """A tenant's endpoint is judged as a webhook's host is."""
    strict = Dispatch(with_settings(dispatch.house, allow_networks=""), dispatch.scope)
    done = strict.export(copy_to(moto.endpoint, moto.bucket()))
    strict.deliver()
    assert "not of the public Internet" in (standing(strict, done).error or "")


def test_files_that_have_expired_cannot_be_copied(dispatch: Dispatch, moto: S3Server) -> None:
    """It says so, and is over; of a copy that was made in time the credentials are dropped then."""
    made = dispatch.export(copy_to(moto.endpoint, moto.bucket()))
    dispatch.deliver()
    late = dispatch.export(copy_to(moto.endpoint, moto.bucket()))
    assert dispatch.row(standing(dispatch, made).id).sealed is not None
    with dispatch.house.database.write() as connection:
        connection.execute(update(exports).values(expires_at=0))
    assert expire(dispatch.house.database, dispatch.scope, 0) == 2
    assert dispatch.row(standing(dispatch, made).id).sealed is None
    dispatch.deliver()
    assert standing(dispatch, late).error == "the files of the export have had their time"


def test_what_cannot_be_is_refused_by_its_key(dispatch: Dispatch) -> None:
    """Before anything is kept; a credential that is in the wrong place is not repeated."""
    cases: list[tuple[str, dict[str, str]]] = [
        ("bucket", {"bucket": ""}),
        ("bucket", {"bucket": "a/b"}),
        ("prefix", {"prefix": "../x"}),
        ("prefix", {"prefix": "/x"}),
        ("prefix", {"prefix": "a\nb"}),
        ("manifest", {"manifest": "a/b"}),
        ("endpoint", {"endpoint": "http://u:SECRET@h"}),
        ("endpoint", {"endpoint": "http://h/path?SECRET"}),
        ("endpoint", {"endpoint": "file:///etc"}),
        ("region", {"region": "a b"}),
        ("kms_key", {"kms_key": "k"}),
        ("secret_access_key", {"secret_access_key": ""}),
        ("secret_access_key", {"secret_access_key": "SECRET\n"}),
        ("session_token", {"access_key_id": "", "secret_access_key": "", "session_token": "SECRET"}),
    ]
    for key, more in cases:
        with pytest.raises(Invalid) as refused:
            dispatch.ask(copy_to("http://s3.example", "bucket", **more))
        assert refused.value.where == f"deliveries[0].{key}"
        assert "SECRET" not in str(refused.value)
    with pytest.raises(Invalid, match="no more than 10"):
        dispatch.ask(*[copy_to("http://s3.example", "bucket")] * 11)
    with dispatch.house.database.read() as connection:
        assert connection.execute(select(exports.c.id)).all() == []
