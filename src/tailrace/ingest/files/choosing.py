"""Choosing a map for a file that came without one."""

from pathlib import Path

from tailrace.ingest.files.binding import bound
from tailrace.ingest.files.mapping import FileMap, parse_map
from tailrace.ingest.files.reading import reading
from tailrace.model.errors import Invalid


def choose_map(file: Path, named: Path | None, folder: Path | None) -> FileMap | None:
    """The named map, else the first of a folder whose columns the file has; None for a file of native records.

    Raises:
        Invalid: the file has columns, and no map of the folder fits them.
    """
    if named is not None:
        return parse_map(named.read_text())
    with reading(file) as opened:
        format_, columns = opened.format, opened.columns
    if columns is None or "event" in columns:
        return None
    for path in sorted(folder.glob("*.toml")) if folder else ():
        candidate = parse_map(path.read_text())
        try:
            bound(candidate, format_, columns)
        except Invalid:
            continue
        return candidate
    raise Invalid(
        "--map", f"no known map fits the columns of {file.name} ({', '.join(columns)}); write one and name it"
    )
