"""chDB, the ClickHouse engine in a process: JSONEachRow from the nested Parquet files with objects as maps.

It has no way to put JSON text into JSON output as it stands; a map is the fastest of its types that comes out as an
object. Numbers among the parameters come out as texts.
"""

# ruff: noqa: S608 - names of columns and files cannot be parameters, and they are the bench's own

import chdb

from bench.rivals.task import THREADS, Task, asked

SETTINGS = (
    f"max_threads = {THREADS}, max_insert_threads = 1, output_format_compression_level = 1, "
    "output_format_json_escape_forward_slashes = 0, date_time_output_format = 'iso', "
    "engine_file_truncate_on_insert = 1, input_format_parquet_preserve_order = 1, session_timezone = 'UTC'"
)


def insert(task: Task) -> str:
    """The statement."""
    folder = task.sources[0].rsplit("/", 1)[0]
    names = ",".join(source.rsplit("/", 1)[1] for source in task.sources)
    shown = ", ".join(f"e.{name} AS {name}" if name in ("event", "time", "params") else name for name in task.columns)
    return (
        f"INSERT INTO FUNCTION file('{task.out}', 'JSONEachRow', 'auto', 'gzip') "
        f"SELECT {shown} FROM file('{folder}/{{{names}}}', Parquet) ARRAY JOIN events AS e SETTINGS {SETTINGS}"
    )


if __name__ == "__main__":
    chdb.query(insert(asked()))
