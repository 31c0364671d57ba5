"""A verification's report for people (a table or plain lines) and for programs (JSON values)."""

from collections.abc import Iterator
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tailrace.exports.verify.report import Finding, Note, Report, VerifiedChain, VerifiedExport

_HEADINGS = ("export", "app", "window", "files", "rows", "bytes", "")
_NUMBERS = ("files", "rows", "bytes")


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON values; keys are only ever added."""
    return {"ok": report.ok, **msgspec.to_builtins(report)}


def as_lines(report: Report) -> Iterator[str]:
    """The report as lines without colour, for logs and pipes."""
    for export in report.exports:
        yield "  ".join(_cells(export))
    for chain in report.chains:
        yield _chain_text(chain)
    for finding in report.findings:
        yield from _finding_lines(finding)
    yield from map(_note_text, report.notes)
    yield _verdict(report)


def as_table(report: Report) -> RenderableType:
    """The report for a terminal."""
    style = "bold green" if report.ok else "bold red"
    return Group(
        _table(report.exports),
        *(Text(_chain_text(chain), "green" if chain.complete else "red") for chain in report.chains),
        *(Text("\n".join(_finding_lines(finding)), "red") for finding in report.findings),
        *(Text(_note_text(note), "yellow") for note in report.notes),
        Text(_verdict(report), style),
    )


def _table(exports: tuple[VerifiedExport, ...]) -> Table:
    table = Table()
    for heading in _HEADINGS:
        # The name of an export is what a reader copies: it is never cut.
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", no_wrap=heading == "export")
    for export in exports:
        table.add_row(*map(Text, _cells(export)))  # Text: a bracket in a name is no markup
    return table


def _cells(export: VerifiedExport) -> tuple[str, ...]:
    numbers = (f"{export.files:,}", f"{export.rows:,}", f"{export.bytes:,}")
    names = (_safe(export.export), _safe(export.app), _safe(export.window))
    return (*names, *numbers, "ok" if export.ok else "WRONG")


def _chain_text(chain: VerifiedChain) -> str:
    state = "complete" if chain.complete else "NOT COMPLETE"
    begin = "from the beginning" if chain.from_beginning else f"from {_safe(chain.exports[0])} on, not the beginning"
    kind = "filtered rows" if chain.filtered else "rows"
    size = f"{_count(len(chain.exports), 'export')}, {chain.rows:,} {kind}, {_id_text(chain)}"
    return f"chain of {_safe(chain.app)}: {state} {begin} through {_safe(chain.through)}: {size}"


def _id_text(chain: VerifiedChain) -> str:
    """Without ids, events that come twice cannot be told from events that are alike."""
    if chain.ids == chain.events and (chain.events or not chain.rows):
        return "every id compared"
    if not chain.events:
        return "no ids compared: the rows hold no events"
    return f"{chain.ids:,} ids compared: the other events have none that can be"


def _finding_lines(finding: Finding) -> Iterator[str]:
    export = f" ({_safe(finding.export)})" if finding.export else ""
    yield f"{finding.code}: {_safe(finding.where)}{export}"
    yield f"  expected: {_safe(finding.expected)}"
    yield f"  found:    {_safe(finding.found)}"
    yield f"  next:     {_safe(finding.advice)}"


def _note_text(note: Note) -> str:
    return f"note: {_safe(note.where)} ({_safe(note.export)}): {_safe(note.unproven)}"


def _verdict(report: Report) -> str:
    if report.ok:
        return f"ok: {_count(len(report.exports), 'export')}, {sum(e.rows for e in report.exports):,} rows"
    return f"NOT OK: {_count(len(report.findings), 'finding')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _safe(text: str) -> str:
    """Text from downloaded files may not steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
