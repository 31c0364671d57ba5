"""Reading: the blocks of a file of any format, in bounded memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct, field

from tailrace.ingest.files.blocks import Block
from tailrace.ingest.files.lines import line_blocks
from tailrace.ingest.files.opening import Format, Opened, damage_named, opened
from tailrace.ingest.files.parquet import ParquetReader
from tailrace.ingest.files.tables import TableReader


class Reading(Struct, frozen=True):
    """An open file and its rows. `columns` are a table's (None for NDJSON), `types` those of Parquet; size in bytes."""

    name: str
    format: Format
    size: int
    blocks: Iterator[Block]
    columns: Sequence[str] | None = None
    types: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def reading(path: Path, wanted: Format | None = None) -> Iterator[Reading]:
    """Open a file and read it block by block.

    Raises:
        FileNotFoundError: there is no such file.
        Invalid: its format is not known, or not what it was said to be.
        Malformed: it is damaged, now or further on; blocks before the damage are whole.
    """
    with opened(path, wanted) as file:
        if file.format == "ndjson":
            yield Reading(path.name, file.format, file.size, _named(path, line_blocks(file)))
        elif file.format == "parquet":
            with _parquet(path, file) as table:
                blocks = _named(path, table.blocks())
                yield Reading(path.name, file.format, file.size, blocks, table.names, table.types)
        else:
            with damage_named(path):
                rows = TableReader(file)
            yield Reading(path.name, file.format, file.size, _named(path, rows.blocks()), rows.names)


@contextmanager
def _parquet(path: Path, file: Opened) -> Iterator[ParquetReader]:
    with ExitStack() as stack:
        with damage_named(path):
            source = stack.enter_context(file.seekable())
            table = ParquetReader(file, source)
        yield table


def _named(path: Path, blocks: Iterator[Block]) -> Iterator[Block]:
    with damage_named(path):
        yield from blocks
