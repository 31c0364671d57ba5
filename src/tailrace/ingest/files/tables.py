"""CSV and TSV: blocks of rows as columns of text.

Line numbers are row numbers: the header is row 1, blank rows count, and a row whose quoted cell holds a line break is
still one row. A row without any text is blank and skipped.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import takewhile

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tailrace.ingest.files.blocks import Block, Broken
from tailrace.ingest.files.clean import CleanStream
from tailrace.ingest.files.opening import Opened
from tailrace.model.errors import Malformed

BLOCK_BYTES = 4 << 20  # bytes; also the longest row
DELIMITERS = {"csv": ",", "tsv": "\t"}


class TableReader:
    """The rows of one CSV or TSV file."""

    def __init__(self, file: Opened, block_bytes: int = BLOCK_BYTES) -> None:
        self._file = file
        self._block_bytes = block_bytes
        self._clean = CleanStream(file.stream)
        self._bad: list[tuple[int, int, str]] = []  # row number, number of cells, text: read but not yet in a block
        self._head = self._clean.read(block_bytes)
        self.names = _header(self._head, DELIMITERS[file.format], file.path.name)

    def blocks(self) -> Iterator[Block]:
        """The rows after the header.

        Raises:
            Malformed: a row is longer than a block, which a quote that is never closed also looks like.
            OSError: the file's packing is damaged.
        """
        next_row = 2
        try:
            for batch in self._batches():
                numbers = self._numbers(next_row, batch.num_rows)
                next_row = int(numbers[-1]) + 1 if batch.num_rows else next_row
                yield self._block(batch, numbers, next_row)
        except pa.ArrowInvalid as error:
            raise Malformed(f"{self._file.path.name}: near row {next_row}: {_said(error)}") from error
        yield Block((), broken=self._broken(None), done=self._file.done())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if not self.names:
            return
        yield from pacsv.open_csv(
            pa.PythonFile(_Rejoined(self._head, self._clean), mode="r"),
            read_options=pacsv.ReadOptions(
                use_threads=False, block_size=self._block_bytes, column_names=self.names, skip_rows_after_names=1
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=DELIMITERS[self._file.format],
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=self._refuse,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(self.names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )

    def _refuse(self, row: pacsv.InvalidRow) -> str:
        self._bad.append((row.number or 0, row.actual_columns, row.text))
        return "skip"

    def _numbers(self, first: int, rows: int) -> npt.NDArray[np.int64]:
        """The row numbers of the next good rows: those that no bad row has."""
        candidates = np.arange(first, first + rows + len(self._bad))
        return np.setdiff1d(candidates, [number for number, _, _ in self._bad])[:rows]

    def _block(self, batch: pa.RecordBatch, numbers: npt.NDArray[np.int64], next_row: int) -> Block:
        columns = dict(zip(self.names, batch.columns, strict=True))
        broken = self._broken(next_row)
        if self._clean.dirty:
            dirty = self._holds_mark(batch)
            broken += [self._not_text(int(numbers[row]), columns, int(row)) for row in np.flatnonzero(dirty)]
            batch, numbers = batch.filter(pa.array(~dirty)), numbers[~dirty]
        filled = ~_blank(batch)
        if not filled.all():
            batch, numbers = batch.filter(pa.array(filled)), numbers[filled]
        columns = dict(zip(self.names, batch.columns, strict=True))
        return Block(_compact(numbers), columns=columns, broken=broken, done=self._file.done())

    def _broken(self, before: int | None) -> list[Broken]:
        """Bad rows before a row number, which are now reported; all that there are for None."""
        ready = list(takewhile(lambda bad: before is None or bad[0] < before, self._bad))
        del self._bad[: len(ready)]
        return [self._wrong_count(number, cells, text) for number, cells, text in ready]

    def _wrong_count(self, number: int, cells: int, text: str) -> Broken:
        return Broken(number, f"{cells} cells where the header has {len(self.names)}", self._clean.restore(text))

    def _not_text(self, number: int, columns: dict[str, pa.Array], row: int) -> Broken:
        cells = DELIMITERS[self._file.format].join(column[row].as_py() for column in columns.values())
        return Broken(number, "not UTF-8", self._clean.restore(cells))

    def _holds_mark(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        found = np.zeros(batch.num_rows, dtype=np.bool_)
        for column in batch.columns:
            found |= pc.match_substring(column, self._clean.mark).to_numpy(zero_copy_only=False)
        return found


class _Rejoined:
    """A stream with a piece that was read ahead put back before it."""

    closed = False

    def __init__(self, head: bytes, stream: CleanStream) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        data, self._head = self._head[:size], self._head[size:]
        return data or self._stream.read(size)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _header(head: bytes, delimiter: str, name: str) -> list[str]:
    text = head.decode(errors="replace").removeprefix("\ufeff")
    names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise Malformed(f"{name}: the header names a column twice: {', '.join(map(repr, twice))}")
    return names


def _blank(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    blank = np.ones(batch.num_rows, dtype=np.bool_)
    for column in batch.columns:
        blank &= pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
        if not blank.any():
            break
    return blank


def _compact(numbers: npt.NDArray[np.int64]) -> Sequence[int]:
    """The numbers as a range where they are one."""
    if len(numbers) and numbers[-1] - numbers[0] + 1 == len(numbers):
        return range(int(numbers[0]), int(numbers[-1]) + 1)
    return [int(number) for number in numbers]


def _said(error: pa.ArrowInvalid) -> str:
    if "straddling" in str(error):
        return f"a row longer than {BLOCK_BYTES} bytes, or a quote that is never closed"
    return str(error)
