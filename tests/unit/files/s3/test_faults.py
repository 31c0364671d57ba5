"""Faults of S3: a real server, with a proxy before it that does harm. Nothing is lost, doubled or told to others."""

import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator

import pytest

from tailrace.config import S3Settings
from tailrace.files.s3 import uploads
from tailrace.files.s3.place import place_of
from tailrace.files.s3.storage import S3Files
from tailrace.model.errors import Invalid, TailraceError, Unavailable
from tailrace.model.segment import Location
from tests.faults import Fault, FaultProxy, cut_answer, error, garbled, lost_answer, proxy_before, reset
from tests.stores import ACCOUNT, PASSWORD, S3Server

PART = 5 << 20
SMALL = b"a few bytes"
LARGE = bytes(range(256)) * ((2 * PART + 1_000) // 256)  # three parts

SLOW_DOWN = error(503, "SlowDown")
INTERNAL = error(500, "InternalError")
EXPIRED = error(403, "ExpiredToken")


@pytest.fixture
def proxy(swift: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Harm before Swift."""
    for name, value in swift.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(uploads, "FIRST_PART", PART)
    with proxy_before(swift.endpoint) as between:
        yield between


@pytest.fixture
def bucket(swift: S3Server) -> str:
    """An empty bucket."""
    return swift.bucket()


@pytest.fixture
def files(proxy: FaultProxy, bucket: str) -> S3Files:
    """The storage behind the harm. Two retries, so that three faults are too many."""
    return S3Files(place_of(f"s3://{bucket}", S3Settings(endpoint=proxy.endpoint, retries=2)))


def put(files: S3Files, data: bytes) -> None:
    with files.create("k") as sink:
        sink.write(data)


def test_without_harm_all_goes_through(files: S3Files, proxy: FaultProxy, swift: S3Server, bucket: str) -> None:
    """The proxy itself changes nothing; a large object takes three parts, a small one a single request."""
    put(files, LARGE)
    assert swift.read(bucket, "k") == LARGE
    assert proxy.count("PUT", "partNumber=") == 3
    put(files, SMALL)
    assert proxy.count("PUT") == 4


PASSING: dict[str, tuple[Fault, int]] = {
    "slow down": (SLOW_DOWN, 2),
    "internal error": (INTERNAL, 2),
    "reset": (reset, 2),
    "answer lost": (lost_answer, 1),
    "garbled": (garbled, 2),
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_small_object_survives(files: S3Files, proxy: FaultProxy, swift: S3Server, bucket: str, fault: str) -> None:
    """One request that goes wrong is sent again, and the object is what was written."""
    harm, times = PASSING[fault]
    proxy.plan(harm, "PUT", "/k", times)
    put(files, SMALL)
    assert proxy.spent
    assert swift.read(bucket, "k") == SMALL


@pytest.mark.parametrize("fault", PASSING)
def test_a_part_survives(files: S3Files, proxy: FaultProxy, swift: S3Server, bucket: str, fault: str) -> None:
    """A part in the middle of an upload likewise; it is there once."""
    harm, times = PASSING[fault]
    proxy.plan(harm, "PUT", "partNumber=2", times)
    put(files, LARGE)
    assert proxy.spent
    assert swift.read(bucket, "k") == LARGE
    assert swift.uploads(bucket) == []


@pytest.mark.parametrize("fault", ["slow down", "internal error", "reset", "answer lost"])
def test_the_end_of_an_upload_survives(
    files: S3Files, proxy: FaultProxy, swift: S3Server, bucket: str, fault: str
) -> None:
    """The last request too, also when the object was made and only the answer was lost."""
    harm, times = PASSING[fault]
    proxy.plan(harm, "POST", "uploadId=", times)
    put(files, LARGE)
    assert proxy.spent
    assert swift.read(bucket, "k") == LARGE
    assert swift.uploads(bucket) == []


def test_an_end_that_was_lost_is_known_by_its_object(
    files: S3Files, proxy: FaultProxy, swift: S3Server, bucket: str
) -> None:
    """A server that has forgotten an upload that it completed says so; the object is there, so all is well."""
    proxy.plan(lost_answer, "POST", "uploadId=")
    proxy.plan(error(404, "NoSuchUpload"), "POST", "uploadId=")
    put(files, LARGE)
    assert proxy.spent
    assert swift.read(bucket, "k") == LARGE


def test_an_upload_that_is_gone_without_an_object_is_an_error(
    files: S3Files, proxy: FaultProxy, swift: S3Server, bucket: str
) -> None:
    """The same answer when nothing was made: the writer is told, may do it again, and nothing stays."""
    proxy.plan(error(404, "NoSuchUpload"), "POST", "uploadId=")
    with pytest.raises(Unavailable, match="aborted"):
        put(files, LARGE)
    assert swift.objects(bucket) == {}
    assert swift.uploads(bucket) == []


READS: dict[str, tuple[str, Callable[[S3Files], object]]] = {
    "size": ("HEAD", lambda files: files.size("k") == len(LARGE)),
    "chunks": ("GET", lambda files: b"".join(files.chunks("k")) == LARGE),
    "reader": ("GET", lambda files: files.reader(Location("k", 0, len(LARGE))).read() == LARGE),
    "small": ("GET", lambda files: files.reader(Location("k", 3, 10)).read() == LARGE[3:13]),
}


BREAKING = {"slow down": SLOW_DOWN, "internal error": INTERNAL, "reset": reset, "cut": cut_answer}
CASES = [(read, fault) for read in READS for fault in BREAKING if (read, fault) != ("size", "cut")]  # it has no middle


@pytest.mark.parametrize(("read", "fault"), CASES)
def test_reading_survives(files: S3Files, proxy: FaultProxy, read: str, fault: str) -> None:
    """Every way to read asks again; an answer that breaks off in the middle is never taken for the whole."""
    put(files, LARGE)
    method, same = READS[read]
    proxy.plan(BREAKING[fault], method, "/k", 2)
    assert same(files)
    assert proxy.spent


@pytest.mark.parametrize("fault", [SLOW_DOWN, reset], ids=["slow", "reset"])
def test_listing_and_deleting_survive(files: S3Files, proxy: FaultProxy, fault: Fault) -> None:
    """What the sweeper does asks again too."""
    put(files, SMALL)
    for method, what in (("GET", "list-type"), ("GET", "uploads"), ("DELETE", "/k")):
        proxy.plan(fault, method, what)
    assert [listed.key for listed in files.list("")] == ["k"]
    assert list(files.unfinished("")) == []
    files.delete("k")
    assert list(files.list("")) == []
    assert proxy.spent


KILLED = """
import os, signal, sys
from tailrace.config import S3Settings
from tailrace.files.s3 import uploads
from tailrace.files.s3.place import place_of
from tailrace.files.s3.storage import S3Files

uploads.FIRST_PART = 5 << 20
with S3Files(place_of(sys.argv[1], S3Settings())).create("killed/k") as sink:
    sink.write(bytes(16 << 20))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_leaves_is_found_and_removed(files: S3Files, swift: S3Server, bucket: str) -> None:
    """SIGKILL in the middle of an upload: parts that nobody sees and everybody pays for, until they are aborted."""
    process = subprocess.run([sys.executable, "-c", KILLED, f"s3://{bucket}"], check=False)
    assert process.returncode == -signal.SIGKILL
    assert swift.uploads(bucket) == ["killed/k"]
    assert list(files.list("")) == []
    (left,) = files.unfinished("killed")
    assert left.key == "killed/k"
    files.abort(left)
    assert swift.uploads(bucket) == []


def test_a_server_that_stays_overloaded_is_unavailable(
    files: S3Files, proxy: FaultProxy, swift: S3Server, bucket: str
) -> None:
    """Retries end: after them the error says what the server said, and that waiting helps; nothing stays behind."""
    proxy.plan(SLOW_DOWN, "PUT", "partNumber=3", 3)
    with pytest.raises(Unavailable, match="SlowDown") as caught:
        put(files, LARGE)
    assert caught.value.retryable
    assert proxy.spent
    assert swift.objects(bucket) == {}
    assert swift.uploads(bucket) == []


def test_a_server_that_is_away_is_unavailable(bucket: str, proxy: FaultProxy) -> None:
    """Nobody listens: each verb says Unavailable."""
    nobody = "http://127.0.0.1:1"
    files = S3Files(place_of(f"s3://{bucket}", S3Settings(endpoint=nobody, retries=0)))
    for told in every_verb(files):
        assert isinstance(told, Unavailable)
        assert told.why == "the object storage cannot be reached"
    assert proxy.seen == []


def test_bytes_that_always_change_are_refused(files: S3Files, proxy: FaultProxy, swift: S3Server, bucket: str) -> None:
    """A network that garbles every try never makes an object."""
    proxy.plan(garbled, "PUT", times=1_000)
    for data in (SMALL, LARGE):
        with pytest.raises(Unavailable, match="changed"):
            put(files, data)
    assert swift.objects(bucket) == {}
    assert swift.uploads(bucket) == []


def test_expired_credentials_are_told_and_read_anew(
    files: S3Files, proxy: FaultProxy, swift: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to do and that waiting helps; with new credentials the same storage goes on."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "expired")
    for told in every_verb(files):
        assert isinstance(told, Unavailable)
        assert told.retryable
        assert "credentials" in told.why
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PASSWORD)
    put(files, LARGE)
    assert swift.read(bucket, "k") == LARGE
    proxy.plan(EXPIRED, "PUT", "/k")
    with pytest.raises(Unavailable, match="ExpiredToken"):
        put(files, SMALL)


def test_no_secret_is_told(files: S3Files, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers repeat what they were sent, token and signature; neither errors nor variables in tracebacks do."""
    token = "session-token-of-nobody-else"
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    fault = error(403, "SignatureDoesNotMatch")
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        proxy.plan(fault, method, times=1_000)
    for told in every_verb(files):
        text = "".join(traceback.TracebackException.from_exception(told, capture_locals=True).format()) + repr(told)
        assert not [secret for secret in (token, PASSWORD, ACCOUNT, "Signature=") if secret in text]
        assert not [name for name in (proxy.endpoint, "127.0.0.1", "tailrace-") if name in str(told)]
    assert proxy.seen


def test_no_credentials_at_all(files: S3Files, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """A process to which nobody gave credentials says so in every verb."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    for told in every_verb(files):
        assert isinstance(told, Unavailable)
        assert "no credentials" in told.why


def test_credentials_of_a_profile(
    files: S3Files,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    swift: S3Server,
    bucket: str,
) -> None:
    """Both clients take what the standard AWS files say, not only the environment."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    file = tmp_path_factory.mktemp("aws") / "credentials"
    file.write_text(f"[tailrace]\naws_access_key_id = {ACCOUNT}\naws_secret_access_key = {PASSWORD}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "tailrace")
    for data in (SMALL, LARGE):
        put(files, data)
        assert swift.read(bucket, "k") == data


@pytest.mark.usefixtures("proxy")
def test_a_bucket_that_is_not_there(swift: S3Server) -> None:
    """It is the setting that is wrong, and waiting does not help."""
    files = S3Files(place_of("s3://nobody-made-this", S3Settings(endpoint=swift.endpoint)))
    for verb in (lambda: put(files, SMALL), lambda: put(files, LARGE), lambda: list(files.list(""))):
        with pytest.raises(Invalid, match="no such bucket"):
            verb()


def every_verb(files: S3Files) -> list[TailraceError]:
    """The errors of all verbs."""
    verbs: list[Callable[[], object]] = [
        lambda: put(files, SMALL),
        lambda: put(files, LARGE),
        lambda: files.reader(Location("k", 0, 5)),
        lambda: files.reader(Location("k", 0, 50 << 20)),
        lambda: list(files.chunks("k")),
        lambda: files.size("k"),
        lambda: files.delete("k"),
        lambda: list(files.list("")),
        lambda: list(files.unfinished("")),
    ]
    told = []
    for verb in verbs:
        with pytest.raises(TailraceError) as caught:
            verb()
        told.append(caught.value)
    return told
