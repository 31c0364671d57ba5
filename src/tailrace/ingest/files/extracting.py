"""Extracting: a block and a map give a draft, a whole column at a time."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from tailrace.ingest.draft import DRAFT_SCHEMA, Draft, Rejected, draft_of
from tailrace.ingest.files.blocks import Block
from tailrace.ingest.files.faults import Faults, converted
from tailrace.ingest.files.mapping import COLLECTED, JSON_FIELDS, TIME_FIELDS, FileMap, Path, Source
from tailrace.ingest.files.objects import object_paths, params_column, profile_column, session_column
from tailrace.ingest.files.scalars import whole_numbers
from tailrace.ingest.files.times import time_reader
from tailrace.ingest.files.values import Values

_WHAT = {"int64": "a whole number", "double": "a finite number", "bool": "true or false"}


def extract(file_map: FileMap, block: Block) -> Draft:
    """The draft of a block by a bound map. Its places are line numbers; bad rows are rejected with their reason."""
    faults = Faults()
    values = Values(block, file_map, faults, _paths(file_map))
    columns = _objects(values, file_map)
    columns |= {
        name: _column(values, source, name) for name, source in file_map.fields.items() if name not in JSON_FIELDS
    }
    return _good_rows(block, columns, faults)


def _paths(file_map: FileMap) -> list[tuple[str | None, Path]]:
    """Every column (None: the line itself) and the JSON path into it that the map asks for."""
    sources = [s for s in file_map.sources() if s.value is None and (s.column is None or s.path is not None)]
    objects = [(file_map.fields.get(name), members) for name, members in _members(file_map).items()]
    return [
        *((source.column, source.path or ()) for source in sources),
        *(path for base, members in objects for path in object_paths(base, members)),
    ]


def _members(file_map: FileMap) -> dict[str, dict[str, Source]]:
    return {"params": dict(file_map.params), "session": dict(file_map.session), "profile": dict(file_map.profile)}


def _objects(values: Values, file_map: FileMap) -> dict[str, pa.Array]:
    fields, columns = file_map.fields, dict[str, pa.Array]()
    if "params" in fields or file_map.params:
        columns["params"] = params_column(values, fields.get("params"), file_map.params)
    if "session" in fields or file_map.session:
        columns["session"], columns["session_end"] = session_column(values, fields.get("session"), file_map.session)
    if "profile" in fields or file_map.profile:
        columns["profile"] = profile_column(values, fields.get("profile"), file_map.profile)
    return columns


def _column(values: Values, source: Source, name: str) -> pa.Array:
    texts = values.plain(source)
    if name in TIME_FIELDS:
        read = time_reader(source.format, source.zone)
        return converted(texts, read, values.faults, source.where, f"a time ({source.format})")
    kind = DRAFT_SCHEMA.field(name).type
    if kind == pa.string():
        return texts
    return converted(texts, _READERS[str(kind)], values.faults, source.where, _WHAT[str(kind)])


def _int(texts: pa.Array) -> pa.Array:
    return whole_numbers(texts).cast(pa.int64())


def _float(texts: pa.Array) -> pa.Array:
    numbers = pc.ascii_trim_whitespace(texts).cast(pa.float64())
    if pc.all(pc.is_finite(numbers)).as_py() is False:
        raise ValueError("not finite")
    return numbers


def _bool(texts: pa.Array) -> pa.Array:
    return pc.ascii_trim_whitespace(texts).cast(pa.bool_())


_READERS: dict[str, Callable[[pa.Array], pa.Array]] = {"int64": _int, "double": _float, "bool": _bool}


def _good_rows(block: Block, columns: dict[str, pa.Array], faults: Faults) -> Draft:
    rejected = [Rejected(block.lines[row], reason) for row, reason in sorted(faults.found.items())]
    if not rejected:
        draft = draft_of(columns, sent_at=None, places=block.lines, raw_of=block.raw_of, rejected=())
        return replace(draft, collected=_collected(columns, len(block.lines)))
    good = [row for row in range(len(block.lines)) if row not in faults.found]
    kept = {name: column.take(pa.array(good, pa.int64())) for name, column in columns.items()}
    places = [block.lines[row] for row in good]
    draft = draft_of(kept, sent_at=None, places=places, raw_of=lambda row: block.raw_of(good[row]), rejected=rejected)
    return replace(draft, collected=_collected(kept, len(good)))


def _collected(columns: dict[str, pa.Array], rows: int) -> pa.Array:
    """When another server took the rows in; null: their times are believed."""
    return columns[COLLECTED] if COLLECTED in columns else pa.nulls(rows, pa.int64())
