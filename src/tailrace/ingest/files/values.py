"""Values: what the sources of a map say of the rows of one block, as columns of text."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tailrace.ingest.files.blocks import Block
from tailrace.ingest.files.faults import Faults, converted
from tailrace.ingest.files.mapping import FileMap, Path, Source
from tailrace.ingest.files.paths import values_at
from tailrace.ingest.files.scalars import json_texts, plain, to_json


class Values:
    """The values of one block. JSON of a column, or of the lines, is decoded once for all the paths into it."""

    def __init__(
        self, block: Block, file_map: FileMap, faults: Faults, paths: Iterable[tuple[str | None, Path]]
    ) -> None:
        self.rows = len(block.lines)
        self.faults = faults
        self._block = block
        self._null = pa.array(file_map.null or (), pa.string())
        self._columns: dict[str, pa.Array] = {}
        self._found: dict[tuple[str | None, Path], Sequence[bytes]] = {}
        for column, inner in _by_column(paths).items():
            texts = self._json_objects(column)
            found = values_at(texts, inner, faults, column or "")
            self._found |= {(column, path): values for path, values in found.items()}

    def plain(self, source: Source) -> pa.Array:
        """A source as plain text; null where it has no value."""
        if source.value is not None:
            return pa.repeat(source.value, self.rows)
        if source.column is not None and source.path is None:
            return self._column(source.column)
        return self._without_null(plain(self._found[source.column, source.path or ()]))

    def json(self, source: Source) -> pa.Array:
        """A source as JSON text of its type, checked."""
        if source.type == "json" and (source.column is None or source.path is not None) and source.value is None:
            return json_texts(self._found[source.column, source.path or ()])
        return to_json(self.plain(source), source.type, self.faults, source.where)

    def raws(self, column: str | None, path: Path) -> Sequence[bytes]:
        """The JSON texts at a path that was asked for."""
        return self._found[column, path]

    def _column(self, name: str) -> pa.Array:
        if name not in self._columns:
            self._columns[name] = self._without_null(self._block.columns[name])
        return self._columns[name]

    def _without_null(self, texts: pa.Array) -> pa.Array:
        if not len(self._null):
            return texts
        return pc.if_else(pc.is_in(texts, self._null), None, texts)

    def _json_objects(self, column: str | None) -> Sequence[bytes]:
        """Texts that ought to be JSON objects, as bytes of UTF-8; empty where there is no value."""
        if column is not None:
            texts = pc.ascii_trim_whitespace(self._column(column))
        else:
            lines = pa.array(self._block.texts, pa.binary())
            texts = converted(lines, lambda column: column.cast(pa.string()), self.faults, "line", "UTF-8")
        found: list[bytes] = pc.fill_null(texts, "").cast(pa.binary()).to_pylist()
        return found


def _by_column(paths: Iterable[tuple[str | None, Path]]) -> dict[str | None, set[Path]]:
    found: dict[str | None, set[Path]] = {}
    for column, path in paths:
        found.setdefault(column, set()).add(path)
    return found
