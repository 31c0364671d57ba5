"""Parts: rows wait by key until there are enough for a piece, so that a thousand keys need no thousand open files."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct, field
from xxhash import xxh3_64_intdigest

from tailrace.files.base import Sink
from tailrace.formats.digest import MODULUS
from tailrace.formats.encoders import Cut, Encoder, Rows
from tailrace.formats.packing import Store, pack
from tailrace.model.export import Piece

# Bytes that wait before they are packed. With one key they are packed as they come; with many, each gets its share.
ONE_KEY_BYTES = 4 << 20
MANY_KEYS_BYTES = 32 << 20


class Stretch(NamedTuple):
    """Rows ``start..stop`` of one key, and the bounds of their events' times, in ms, both included."""

    key: str
    start: int
    stop: int
    min_time: int
    max_time: int


class _Waiting(Struct):
    cuts: list[Cut] = field(default_factory=list)
    rows: int = 0
    digest: int = 0
    min_time: int = 1 << 62
    max_time: int = -1 << 62


class PartWriter:
    """Writes the pieces of one part."""

    def __init__(self, sink: Sink, encoder: Encoder, store: Store) -> None:
        self._sink = sink
        self._encoder = encoder
        self._store = store
        self._waiting: dict[str, _Waiting] = {}
        self._bytes = 0
        self._offset = 0
        self._pieces: list[Piece] = []

    def add(self, rows: Rows, stretches: Sequence[Stretch]) -> None:
        """Take encoded rows, stretch by stretch."""
        for stretch in stretches:
            waiting = self._waiting.setdefault(stretch.key, _Waiting())
            cut = rows.cut(stretch.start, stretch.stop)
            waiting.cuts.append(cut)
            waiting.rows += stretch.stop - stretch.start
            waiting.digest += rows.digest(stretch.start, stretch.stop)
            waiting.min_time = min(waiting.min_time, stretch.min_time)
            waiting.max_time = max(waiting.max_time, stretch.max_time)
            self._bytes += cut.nbytes
        if self._bytes >= (ONE_KEY_BYTES if len(self._waiting) == 1 else MANY_KEYS_BYTES):
            self.flush()

    def write(self, key: str, data: bytes, rows: int) -> None:
        """Write a piece that is what it should be already."""
        self._append(key, data, len(data), 0, _Waiting(rows=rows, min_time=0, max_time=0))

    def flush(self) -> None:
        """Write what waits, by key."""
        for key, waiting in sorted(self._waiting.items()):
            data = self._encoder.piece(waiting.cuts)
            packed = pack(self._store, data)
            self._append(key, packed.data, len(data), packed.crc, waiting)
        self._waiting, self._bytes = {}, 0

    def finish(self) -> tuple[Piece, ...]:
        """Write the rest; all pieces, by key."""
        self.flush()
        return tuple(sorted(self._pieces, key=lambda piece: piece.key))

    def _append(self, key: str, packed: bytes | memoryview, raw: int, crc: int, waiting: _Waiting) -> None:
        self._sink.write(packed)
        piece = Piece(
            key=key,
            offset=self._offset,
            packed=len(packed),
            raw=raw,
            rows=waiting.rows,
            crc=crc,
            check=xxh3_64_intdigest(packed),
            digest=waiting.digest % MODULUS,
            min_time=waiting.min_time,
            max_time=waiting.max_time,
        )
        self._pieces.append(piece)
        self._offset += len(packed)
