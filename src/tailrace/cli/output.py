"""What commands print: a result for people or as JSON on stdout, progress on stderr."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:  # rich is loaded by what draws with it: most runs draw nothing
    from rich.table import Table

Advance = Callable[[int, str], None]
_LINE_EVERY_S = 2.0
_LOG_WIDTH = 200


class Output:
    """Where a command speaks. With `as_json` stdout holds one JSON document and nothing else."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def document(self, value: Any) -> None:
        """The result as JSON; nothing unless JSON was asked for."""
        if self.as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")

    def say(self, text: str) -> None:
        """A line for people."""
        if not self.as_json:
            print(text, flush=True)

    def show(self, renderable: Any) -> None:
        """A table for people."""
        if not self.as_json:
            from rich.console import Console

            # In a pipe or a log nobody scrolls sideways, but a hash that is cut helps nobody either.
            width = None if sys.stdout.isatty() else _LOG_WIDTH
            Console(file=sys.stdout, soft_wrap=True, highlight=False, width=width).print(renderable)

    @contextmanager
    def progress(self, what: str, total: int | None) -> Iterator[Advance]:
        """Progress of long work: a bar on a terminal, a line every two seconds elsewhere, nothing with JSON.

        The yielded function takes how much is done so far and a note.
        """
        if self.as_json:
            yield lambda _done, _note: None
        elif sys.stderr.isatty():
            yield from _bar(what, total)
        else:
            yield from _lines(what, total)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> "Table":
    """A table of texts; numbers are set to the right."""
    from rich.table import Table

    drawn = Table(title=title, title_justify="left")
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        drawn.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row))
    return drawn


def _bar(what: str, total: int | None) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        task = progress.add_task(what, total=total, note="")
        yield lambda done, note: progress.update(task, completed=done, note=note)


def _lines(what: str, total: int | None) -> Iterator[Advance]:
    last = time.monotonic()

    def advance(done: int, note: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY_S:
            last = time.monotonic()
            share = f"{100 * done // total} % " if total else ""
            print(f"{what}: {share}{note}", file=sys.stderr, flush=True)

    print(f"{what} ...", file=sys.stderr, flush=True)
    yield advance
