"""Writing in parts: what is on its way is bounded, and errors of threads come out."""

from threading import Event, Lock
from typing import Any

import pytest

from tailrace.files.s3 import uploads
from tailrace.files.s3.uploads import Upload
from tailrace.files.s3.writing import ObjectWriter
from tailrace.model.errors import Unavailable


class Requests:
    """Keeps what is sent. The real server has no way to hold a request until the test has looked."""

    def __init__(self) -> None:
        self.go_on = Event()
        self.go_on.set()
        self.parts: dict[int, bytes] = {}
        self.whole: bytes | None = None
        self.now = self.most = 0
        self.aborted = False
        self.fails = False
        self._lock = Lock()

    def put(self, _: str, data: bytearray) -> None:
        self.whole = bytes(data)

    def begin(self, key: str) -> Upload:
        return Upload(key, "1")

    def send(self, _: Upload, number: int, data: bytearray) -> dict[str, Any]:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        assert self.go_on.wait(30)
        with self._lock:
            self.now -= 1
            self.parts[number] = bytes(data)
        if self.fails:
            raise Unavailable("away", 1)
        return {"PartNumber": number}

    def complete(self, _: Upload, parts: list[dict[str, Any]], size: int) -> None:
        assert [part["PartNumber"] for part in parts] == sorted(self.parts)
        self.whole = b"".join(self.parts[number] for number in sorted(self.parts))
        assert len(self.whole) == size

    def abort(self, _: Upload) -> None:
        assert self.now == 0  # a part that came later would stay
        self.aborted = True


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    """A server; parts are ten bytes."""
    monkeypatch.setattr(uploads, "FIRST_PART", 10)
    return Requests()


def writer(requests: Requests) -> ObjectWriter:
    return ObjectWriter(requests, "k")


@pytest.mark.parametrize("piece", [1, 3, 10, 25, 100])
@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20, 95])
def test_bytes_come_out_as_they_went_in(requests: Requests, size: int, piece: int) -> None:
    """Around the borders of parts; less than a part is one request."""
    data = bytes(range(size))
    out = writer(requests)
    for start in range(0, size, piece):
        assert out.write(memoryview(data)[start : start + piece]) == len(data[start : start + piece])
        assert out.tell() == min(start + piece, size)
    out.finish()
    assert requests.whole == data
    assert set(map(len, list(requests.parts.values())[:-1])) <= {10}
    assert bool(requests.parts) == (size >= 10)


def test_two_parts_are_on_their_way_at_most(requests: Requests) -> None:
    """A slow server holds up the writer, not memory."""
    requests.go_on.clear()
    out = writer(requests)
    out.write(bytes(20))
    assert len(out._sending) == 2
    requests.go_on.set()
    out.write(bytes(500))
    out.finish()
    assert requests.most <= 2


def test_an_error_of_a_part_reaches_the_writer(requests: Requests) -> None:
    """At the latest at the end; then the upload is aborted, after the parts that were on their way."""
    requests.fails = True
    out = writer(requests)
    with pytest.raises(Unavailable, match="away"):
        out.write(bytes(100))
    out.abort()
    assert out.closed
    assert requests.aborted
    assert requests.whole is None
