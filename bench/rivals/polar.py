"""Polars: sink_csv over the flat Parquet files."""

import os

from bench.rivals.task import ISO, THREADS, asked

os.environ["POLARS_MAX_THREADS"] = str(THREADS)  # it is read once, at the import

import polars

if __name__ == "__main__":
    task = asked()
    rows = polars.scan_parquet(list(task.sources)).select(task.columns)
    rows.sink_csv(task.out, datetime_format=f"{ISO}%.3fZ")
