"""DuckDB: COPY of a query over the nested Parquet files, in its own JSON and CSV or with lines built in SQL."""

# ruff: noqa: S608 - names of columns and files cannot be parameters, and they are the bench's own

from pathlib import Path

import duckdb

from bench.rivals.task import ISO, JSONS, NUMBERS, THREADS, TIMES, Task, asked

EVENT_COLUMNS = ("event", "time", "params")


def copy(task: Task) -> str:
    """The statement."""
    options = {"csv": "FORMAT csv, HEADER true", "json": "FORMAT json", "xml": _LINES}[task.format]
    if task.packing == "gzip":
        options += ", COMPRESSION gzip"
    if task.split_bytes:
        options += f", FILE_SIZE_BYTES {task.split_bytes}"
    if task.format == "xml":
        query = _xml(task)
    elif task.shape == "sessions":
        query = _sessions(task)
    else:
        query = _events(task)
    return f"COPY ({query}) TO {_text(task.out)} ({options})"


# The only way to write plain lines: CSV without any sign that would need quotes.
_LINES = "FORMAT csv, HEADER true, QUOTE '', ESCAPE '', DELIMITER '\t'"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _list(values: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(_text, values)) + ")"


def _iso(value: str) -> str:
    """A time as text; measured faster than TIMESTAMPFORMAT."""
    return f"strftime({value}, '{ISO}.%gZ')"


def _source(task: Task) -> str:
    """Where the rows are, and which sessions are wanted."""
    versions = f" WHERE app_version IN {_list(task.versions)}" if task.versions else ""
    return f"FROM read_parquet([{', '.join(map(_text, task.sources))}]){versions}"


def _session_columns(task: Task) -> str:
    return ", ".join(_shown(task, name, name) for name in task.columns if name not in EVENT_COLUMNS)


def _shown(task: Task, name: str, value: str) -> str:
    """A value as a column."""
    if name in TIMES:
        value = _iso(value)
    elif name in JSONS and task.format == "json":
        value = f"{value}::JSON"
    return value if value == name else f"{value} AS {name}"


def _events(task: Task) -> str:
    e = "" if task.flat else "e."
    shown = {name: _shown(task, name, e + name) for name in EVENT_COLUMNS}
    outer = ", ".join(shown.get(name, name) for name in task.columns)
    names = f" WHERE {e}event IN {_list(task.events)}" if task.events else ""
    inner = f"SELECT {_session_columns(task)}, {'event, time, params' if task.flat else 'unnest(events) AS e'}"
    return f"SELECT {outer} FROM ({inner} {_source(task)}){names}"


def _sessions(task: Task) -> str:
    event = f"{{'event': x.event, 'time': {_iso('x.time')}, 'params': x.params::JSON}}"
    return f"SELECT {_session_columns(task)}, [{event} for x in events] AS events {_source(task)}"


def _xml(task: Task) -> str:
    """The session's elements are made once per session, not once per event."""
    session = [name for name in task.columns if name not in EVENT_COLUMNS]
    prefix = ", ".join(_element(name, name) for name in session)
    event = ", ".join(_element(name, f"e.{name}") for name in EVENT_COLUMNS)
    inner = f"SELECT concat('<event>', {prefix}) AS prefix, unnest(events) AS e {_source(task)}"
    return f"SELECT concat(prefix, {event}, '</event>') AS \"<events>\" FROM ({inner})"


def _element(name: str, value: str) -> str:
    """An element; concat leaves out what is null."""
    shown = value
    if name in TIMES:
        shown = _iso(value)
    elif name not in NUMBERS:
        if name not in JSONS:  # JSON text has no control characters
            shown = f"regexp_replace({shown}, '[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]', '', 'g')"
        for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            shown = f"replace({shown}, '{sign}', '{entity}')"
        shown = f"replace({shown}, chr(13), '&#13;')"
    return f"'<{name}>' || {shown} || '</{name}>'"


def main() -> None:
    """Do what was asked."""
    task = asked()
    database = duckdb.connect()
    database.execute(f"SET threads = {THREADS}")
    database.execute("SET enable_progress_bar = false")
    database.execute(copy(task))
    if task.format == "xml":
        with Path(task.out).open("a") as file:
            file.write("</events>\n")


if __name__ == "__main__":
    main()
