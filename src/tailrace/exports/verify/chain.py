"""Chains: increments in their order, and where they do not join.

Cursors are opaque, so the order comes from joining `cursor` to `previous_cursor`. Increments asked for by clock time
have no previous cursor; the cumulative totals of the app say whether they join, because no row can lie between two
equal totals.
"""

import json
from collections.abc import Hashable, Iterator, Sequence
from itertools import chain, pairwise, starmap
from typing import Any

from tailrace.exports.verify.manifest import Loaded, Manifest, Totals
from tailrace.exports.verify.report import Finding

# What may differ along one chain: where an increment begins and ends, and how its rows are written down.
_PER_EXPORT = frozenset(
    ("after", "window", "format", "packing", "split", "columns", "deliveries", "file_bytes", "json_array", "csv_safe")
)

Run = list[Loaded]


def groups(increments: Sequence[Loaded]) -> list[Run]:
    """Increments of one chain together: of one app, epoch and request, or with cursors that meet."""
    found: list[tuple[set[Hashable], Run]] = []
    for increment in increments:
        marks, members = _marks(increment.manifest), [increment]
        for other in [group for group in found if not marks.isdisjoint(group[0])]:
            found.remove(other)
            marks, members = marks | other[0], other[1] + members
        found.append((marks, members))
    return [members for _, members in found]


def _marks(manifest: Manifest) -> set[Hashable]:
    request = json.dumps(_without_nothing(manifest.request), sort_keys=True)
    cursors = {("cursor", c) for c in (manifest.cursor, manifest.previous_cursor) if c is not None}
    return {("request", manifest.app, manifest.epoch, manifest.shape, request), *cursors}


def _without_nothing(request: dict[str, Any]) -> dict[str, Any]:
    """What decides which rows there are: alternatives in any order, and nothing where nothing was asked."""
    kept: dict[str, Any] = {}
    for key, value in request.items():
        if isinstance(value, dict):
            value = _without_nothing(value)
        if key not in _PER_EXPORT and value not in (None, [], {}):
            kept[key] = sorted(value, key=json.dumps) if isinstance(value, list) else value
    return kept


def runs(members: Run) -> tuple[list[Run], list[Run]]:
    """The members in stretches whose cursors join: first those that begin anew, in their order, then side branches."""
    waiting = sorted(members, key=lambda m: (m.manifest.snapshot_seq, str(m.path)))
    reached = {m.manifest.cursor for m in waiting if not _stands(m.manifest)} - {None}
    heads = [m for m in waiting if _start(m.manifest) not in reached]
    main = [_follow(head, waiting) for head in heads if head in waiting]
    branches = []
    while waiting:
        branches.append(_follow(waiting[0], waiting))
    return main, branches


def _start(manifest: Manifest) -> str | None:
    """The cursor it begins at. Asked for by clock time and without news, it begins where it ends."""
    still = manifest.previous_cursor is None and manifest.totals_before == manifest.totals_after
    return manifest.cursor if still else manifest.previous_cursor


def _stands(manifest: Manifest) -> bool:
    """Whether nothing became available between its ends: any number of such exports may stand at one cursor."""
    return _start(manifest) == manifest.cursor


def _follow(head: Loaded, waiting: Run) -> Run:
    """Take from those waiting what continues from a head, what stands still before what moves on."""
    waiting.remove(head)
    run = [head]
    while (at := run[-1].manifest.cursor) is not None:
        nexts = [m for m in waiting if _start(m.manifest) == at]
        if not nexts:
            break
        run.append(min(nexts, key=lambda m: not _stands(m.manifest)))
        waiting.remove(run[-1])
    return run


def from_beginning(first: Manifest) -> bool:
    """Whether nothing came before it."""
    return first.previous_cursor is None and first.totals_before == Totals(0, 0)


def join(members: Run) -> tuple[Run, list[Finding]]:
    """The steps of a chain in their order, a repeated one once, and everything that keeps them from being one chain."""
    main, branches = runs(members)
    steps: Run = []
    findings: list[Finding] = []
    for number, run in enumerate((*main, *branches)):
        twin = _twin(run[0], steps)
        if twin is not None:
            findings.append(_twin_finding(twin, run[0]))
        elif number >= len(main):
            findings.append(_loop_finding(run[0]))
        elif steps:
            findings += _gap_finding(steps[-1], run[0])
        findings += chain.from_iterable(starmap(_totals_finding, pairwise(run)))
        steps += run[1:] if twin is not None and _is_repeated(run[0], twin) else run
    return steps, findings


def _is_repeated(increment: Loaded, other: Loaded) -> bool:
    """Whether both have the same ends: their rows are the same rows."""
    return _ends(other.manifest) == _ends(increment.manifest)


def _ends(manifest: Manifest) -> Hashable:
    return manifest.previous_cursor, manifest.cursor, manifest.totals_before, manifest.totals_after


def _twin(increment: Loaded, others: Sequence[Loaded]) -> Loaded | None:
    """Another that begins at the same place; the same export again, if there is one."""
    here = increment.manifest
    same = [m for m in others if m.manifest.previous_cursor == here.previous_cursor]
    if here.previous_cursor is None:
        same = [m for m in same if m.manifest.totals_before == here.totals_before and not _stands(m.manifest)]
    return min(same, key=lambda m: not _is_repeated(increment, m), default=None)


def _twin_finding(twin: Loaded, again: Loaded) -> Finding:
    name, here = twin.manifest.export, again.manifest.export
    if _is_repeated(again, twin):
        advice = f"load only one of {name} and {here}, and remove the other"
        return _finding("chain.repeated", again, "each step of the chain once", f"the same step as {name}", advice)
    found = f"it begins where {name} begins too"
    advice = f"keep the one of {name} and {here} that the chain goes on from, and remove the other and its rows"
    return _finding("chain.fork", again, "one export from each cursor", found, advice)


def _gap_finding(before: Loaded, after: Loaded) -> Iterator[Finding]:
    """Between a run and the next one that begins anew."""
    left, right = before.manifest.totals_after, after.manifest.totals_before
    if left is not None and left == right and after.manifest.previous_cursor is None:
        return  # asked for by clock time
    found = f"it continues from {_place(after.manifest.previous_cursor, right)}"
    expected = f"it continues {before.manifest.export}, which ends at {_place(before.manifest.cursor, left)}"
    if left is not None and right is not None and right.events < left.events:
        advice = "do not load both: remove it and export anew from the cursor where the other ends"
        found += f": {left.events - right.events} events are in both"
        yield _finding("chain.overlap", after, expected, found, advice)
        return
    missing = "" if left is None or right is None else f": {right.events - left.events} events lie between"
    advice = "download the exports between the two, or export anew from the cursor where the first ends"
    yield _finding("chain.gap", after, expected, found + missing, advice)


def _loop_finding(head: Loaded) -> Finding:
    found = f"it begins at {head.manifest.previous_cursor}, which comes later"
    return _finding("chain.loop", head, "cursors that only move on", found, "download these manifests again")


def _totals_finding(before: Loaded, after: Loaded) -> Iterator[Finding]:
    left, right = before.manifest.totals_after, after.manifest.totals_before
    if left != right:
        expected = f"totals_before as {before.manifest.export} ends: {_counts(left)}"
        advice = "download both manifests again; if they still differ, tell the server's operator"
        yield _finding("chain.totals", after, expected, f"totals_before: {_counts(right)}", advice)


def _finding(code: str, at: Loaded, expected: str, found: str, advice: str) -> Finding:
    return Finding(code, str(at.path), expected, found, advice, at.manifest.export)


def _place(cursor: str | None, totals: Totals | None) -> str:
    return f"cursor {cursor or 'none'} ({_counts(totals)})"


def _counts(totals: Totals | None) -> str:
    return "none" if totals is None else f"{totals.events} events in {totals.fragments} fragments"
