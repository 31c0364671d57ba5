"""Downloads: an object as it lies in the store, whole or a range of it."""

import asyncio
import hashlib
import re
import threading
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.requests import Request

from tailrace.files.base import Buffer, Files
from tailrace.files.local import LocalFiles
from tailrace.model.errors import RangeNotSatisfiable, Unavailable
from tailrace.model.segment import CLEAR
from tailrace.web.downloads import Content, attachment, download
from tailrace.web.ranges import stretch

CONTENT = bytes(range(256)) * 10_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TAG = f'"{SHA256}"'
KEY = "acme/app/x y.gz"


@dataclass
class Answer:
    """What a client got."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    ended: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def content(key_ref: str = CLEAR) -> Content:
    """The object as a client sees it."""
    return Content(KEY, "x.gz", "application/gzip", len(CONTENT), SHA256, key_ref)


def request(method: str, headers: dict[str, str]) -> Request:
    """A request for it."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "path": "/", "headers": raw})


async def ask(files: Files, method: str = "GET", *, gone_after: int | None = None, **headers: str) -> Answer:
    """Ask for it as a client that goes after some chunks, if it does."""
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    found = download(request(method, given_headers), files, content())
    answer, gone = Answer(), asyncio.Event()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = dict(Headers(raw=message["headers"]))
            return
        answer.chunks.append(bytes(message["body"]))
        answer.ended = not message.get("more_body", False)
        if gone_after is not None and len(answer.chunks) >= gone_after:
            gone.set()
        await asyncio.sleep(0)

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    await found({"type": "http"}, receive, send)
    return answer


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    """A storage with the object."""
    found = LocalFiles(tmp_path)
    with found.create(KEY) as file:
        file.write(CONTENT)
    return found


class Slow:
    """A storage whose disk is cold: its bytes are there when somebody says so, or it fails from a byte on."""

    step = 1 << 20

    def __init__(self, error: Exception | None = None, at: int = 0) -> None:
        self.asked, self.ready = threading.Event(), threading.Event()
        self.closed = False
        self._error, self._at = error, at

    def ranges(self, _key: str, _key_ref: str) -> "Slow":
        return self

    def at_once(self, _start: int, _stop: int) -> None:
        return None

    def read(self, start: int, stop: int) -> Buffer:
        self.asked.set()
        if self._error is not None and stop > self._at:
            raise self._error
        assert self._error is not None or self.ready.wait(30)
        return CONTENT[start:stop]

    def close(self) -> None:
        self.closed = True


def test_the_bytes_are_those_of_the_object(files: LocalFiles) -> None:
    """The body is the object, in chunks, and it ends."""
    answer = asyncio.run(ask(files))
    assert answer.body == CONTENT
    assert answer.ended
    assert len(answer.chunks) > 1, "an object is never read as a whole"


def test_the_headers_say_what_it_is(files: LocalFiles) -> None:
    """Type, length, hash and name are said, no encoding is, and HEAD says the same without a body."""
    get, head = asyncio.run(ask(files)), asyncio.run(ask(files, "HEAD", range="bytes=0-1"))
    assert get.headers == {
        "content-length": str(len(CONTENT)),
        "content-disposition": "attachment; filename=\"x.gz\"; filename*=UTF-8''x.gz",
        "etag": TAG,
        "repr-digest": f"sha-256=:{b64encode(hashlib.sha256(CONTENT).digest()).decode()}:",
        "accept-ranges": "bytes",
        "cache-control": "private, no-transform",
        "content-type": "application/gzip",
    }
    assert (head.status, head.headers, head.body) == (200, get.headers, b"")


@pytest.mark.parametrize("given_tag", [TAG, f"W/{TAG}", "*", f'"other", {TAG}', f'"a,b",W/{TAG} , "c"'])
def test_who_has_it_is_told_so(files: LocalFiles, given_tag: str) -> None:
    """If-None-Match with the tag is 304 without a body, before any range is looked at."""
    answer = asyncio.run(ask(files, if_none_match=given_tag, range="bytes=0-1"))
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", TAG)
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("given_tag", ['"other"', SHA256, '"', f'"{SHA256[:-1]}"', ""])
def test_who_has_something_else_gets_it(files: LocalFiles, given_tag: str) -> None:
    """Another tag, or what is no tag, does not hold the bytes back."""
    assert asyncio.run(ask(files, if_none_match=given_tag)).body == CONTENT


@pytest.mark.parametrize(
    ("condition", "status"),
    [(TAG, 206), (f"W/{TAG}", 200), ('"other"', 200), ("Sat, 28 Nov 2026 00:00:00 GMT", 200), ("*", 200), ("", 200)],
)
def test_a_range_of_something_else_is_all_of_it(files: LocalFiles, condition: str, status: int) -> None:
    """If-Range takes the strong tag alone; whatever else it says, the whole comes and not a piece of a wrong file."""
    answer = asyncio.run(ask(files, range="bytes=10-19", if_range=condition))
    assert (answer.status, answer.body) == (status, CONTENT[10:20] if status == 206 else CONTENT)


@pytest.mark.parametrize(
    "text",
    [
        "bytes=0-1,4-5",
        "bytes=5-3",
        "bytes=-",
        "bytes=a-b",
        "bytes 0-1",
        "lines=0-1",
        "bytes=1",
        "bytes=٣-٤",
        "",
        "bytes=+1-2",
        "bytes=0-" + "9" * 5000,
    ],
)
def test_what_is_no_range_is_all(text: str) -> None:
    """Several ranges, and what cannot be read, are answered with the whole."""
    assert stretch(Headers(raw=[(b"range", text.encode())]), TAG, 100) is None


def test_two_ranges_in_two_headers_are_all() -> None:
    """A second header is a second range."""
    raw = [(b"range", b"bytes=0-1"), (b"range", b"bytes=2-3")]
    assert stretch(Headers(raw=raw), TAG, 100) is None


@given(st.integers(0, 12), st.integers(0, 15) | st.none(), st.integers(0, 15) | st.none())
def test_a_range_is_what_slicing_makes_of_it(size: int, first: int | None, last: int | None) -> None:
    """Byte by byte: a byte is sent if it is there and not before the first nor behind the last one asked for."""
    headers = Headers({"range": f"BYTES={'' if first is None else first}-{'' if last is None else last}"})
    if first is None:
        wanted = set(range(size)[-last:]) if last else set()
    else:
        wanted = {byte for byte in range(size) if first <= byte and (last is None or byte <= last)}
    nonsense = (first, last) == (None, None) or (first is not None and last is not None and last < first)
    if nonsense or (first is None and last and not size):
        assert stretch(headers, TAG, size) is None
    elif not wanted:
        with pytest.raises(RangeNotSatisfiable) as told:
            stretch(headers, TAG, size)
        assert told.value.size == size
    else:
        assert set(range(*cast("tuple[int, int]", stretch(headers, TAG, size)))) == wanted


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (1, 2_000_000), (len(CONTENT) - 1, len(CONTENT))])
def test_a_range_is_its_bytes(files: LocalFiles, start: int, stop: int) -> None:
    """206 with the bytes, where they are from, and the digest and tag of the whole."""
    answer = asyncio.run(ask(files, range=f"bytes={start}-{stop - 1}"))
    assert (answer.status, answer.body, answer.ended) == (206, CONTENT[start:stop], True)
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.headers["etag"] == TAG


def test_a_download_begins_with_byte_0(files: LocalFiles) -> None:
    """That is how a download is counted, however many requests it takes."""
    for method, headers, begins in (
        ("GET", {}, True),
        ("GET", {"range": "bytes=0-0"}, True),
        ("GET", {"range": f"bytes=-{len(CONTENT)}"}, True),
        ("GET", {"range": "bytes=1-"}, False),
        ("GET", {"if-none-match": "*"}, False),
        ("HEAD", {}, False),
    ):
        for prefix in ("", "/inside/"):
            assert download(request(method, headers), files, content(), prefix).begins is begins


def test_a_server_in_front_may_send_it(files: LocalFiles) -> None:
    """With a prefix it is told where the object lies, and no length, since there is no body; what is sealed is ours."""
    found = download(request("GET", {"range": "bytes=5-9"}), files, content(), "/inside/")
    assert (found.status_code, found.headers["x-accel-redirect"]) == (200, "/inside/acme/app/x%20y.gz")
    assert found.headers["etag"] == TAG
    assert found.headers["content-length"] == "0"
    ours = download(request("GET", {}), files, content("another"), "/inside/")
    assert "x-accel-redirect" not in ours.headers


def test_a_cold_disk_holds_up_nobody_else() -> None:
    """While the disk is waited for, the loop does other things."""

    async def story() -> None:
        slow = Slow()
        download = asyncio.create_task(ask(cast("Files", slow)))
        assert await asyncio.to_thread(slow.asked.wait, 30)
        await asyncio.sleep(0)  # the loop turns, though no byte has come
        assert not download.done()
        slow.ready.set()
        assert (await download).body == CONTENT
        assert slow.closed

    asyncio.run(story())


def test_what_fails_before_the_first_byte_is_an_error() -> None:
    """So the client is told by a status."""
    for error in (FileNotFoundError("gone"), Unavailable("the storage is away", 5)):
        slow = Slow(error)
        with pytest.raises(type(error)):
            asyncio.run(ask(cast("Files", slow)))
        assert slow.closed


@pytest.mark.parametrize("error", [FileNotFoundError("gone"), OSError("ends before"), Unavailable("away", 5)])
def test_what_fails_later_ends_the_body_too_soon(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    """The bytes so far are right, the end never comes, and the log has it."""
    slow = Slow(error, at=1 << 20)
    answer = asyncio.run(ask(cast("Files", slow)))
    assert (answer.body, answer.ended, slow.closed) == (CONTENT[: 1 << 20], False, True)
    assert int(answer.headers["content-length"]) == len(CONTENT)
    assert "download.cut" in capsys.readouterr().err


def test_nothing_is_read_for_a_client_that_has_gone(files: LocalFiles) -> None:
    """A client that goes during a chunk is noticed before the one after the next."""
    answer = asyncio.run(ask(files, gone_after=1))
    assert (len(answer.chunks), answer.ended) == (2, False)


@given(st.text(min_size=1, max_size=30))
def test_every_name_gets_through(name: str) -> None:
    """The header is ASCII without anything that could end its parts, and the name comes back as it was."""
    header = attachment(name.replace("\ud800", ""))
    found = re.fullmatch(r"""attachment; filename="([\x20-\x7e]*)"; filename\*=UTF-8''([\w.~%-]*)""", header, re.ASCII)
    assert found is not None
    assert not set(found[1]) & set('"\\%')
    assert unquote(found[2]) == name
