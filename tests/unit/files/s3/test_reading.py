"""Ranged reads: the right bytes, by few requests, of bounded memory."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.files.s3 import reading
from tailrace.files.s3.reading import RangedFile


class Server:
    """Bytes, and what was asked of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []

    def fetch(self, start: int, stop: int) -> memoryview:
        assert 0 <= start < stop <= len(self.data)
        self.asked.append((start, stop))
        return memoryview(self.data)[start:stop]


@given(
    size=st.integers(1, 200),
    block=st.integers(1, 50),
    moves=st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(0, 220), st.integers(-1, 220)), max_size=20),
)
def test_it_reads_as_a_file_does(size: int, block: int, moves: list[tuple[int, int, int]]) -> None:
    """Whatever is sought and read: as `BytesIO` on the same bytes, also around the borders of blocks."""
    data = bytes(n % 251 for n in range(size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK", block)
        ours, theirs = RangedFile(Server(data).fetch, size), io.BytesIO(data)
        for whence, offset, count in moves:
            place = offset if whence == 0 else min(offset, theirs.tell()) * -1 if whence == 1 else -min(offset, size)
            assert ours.seek(place, whence) == theirs.seek(place, whence)
            assert ours.read(count) == theirs.read(count)
            assert ours.tell() == theirs.tell()
        assert ours.size() == size


def test_what_is_there_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small reads share blocks, the last of them fetched at once; a large read is one request of its own."""
    monkeypatch.setattr(reading, "BLOCK", 10)
    server = Server(bytes(100))
    file = RangedFile(server.fetch, 100)
    assert server.asked == [(90, 100)]
    for start, count in ((91, 5), (72, 3), (75, 5), (79, 2), (85, 10), (91, 9)):
        file.seek(start)
        file.read(count)
    assert server.asked[1:] == [(70, 80), (80, 90)]
    file.seek(5)
    file.read(60)
    assert server.asked[3:] == [(5, 65)]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reads a file keeps a few blocks, however long it is read."""
    monkeypatch.setattr(reading, "BLOCK", 10)
    file = RangedFile(Server(bytes(1000)).fetch, 1000)
    for _ in range(100):
        file.read(10)
        assert len(file._blocks) <= 4
    file.seek(0)
    file.read()
    assert len(file._blocks) <= 4
    file.close()
    assert len(file._blocks) == 0


def test_a_row_group_costs_few_requests() -> None:
    """Sixty columns of a row group: about one request for each 4 MiB, not one for each column."""
    columns = {f"c{number}": pa.array(range(number, 40_000 + number)) for number in range(60)}
    out = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), out, row_group_size=20_000, compression="none", use_dictionary=False)
    data = out.getvalue().to_pybytes()
    server = Server(data)
    with pq.ParquetFile(pa.PythonFile(RangedFile(server.fetch, len(data)), mode="r")) as file:
        opened = len(server.asked)
        assert opened == 1  # the footer came with the first block
        file.read_row_group(0)
    assert len(server.asked) - opened <= len(data) // 2 // reading.BLOCK + 1
