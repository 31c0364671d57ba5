"""What a manifest claims, compared with itself and with the app's totals."""

from collections.abc import Iterator, Sequence

from tailrace.exports.verify.manifest import FileEntry, Loaded, Manifest, Totals, is_plain
from tailrace.exports.verify.report import Finding
from tailrace.exports.verify.scan import Stretch

_AGAIN = "download the manifest again; if it still differs, tell the server's operator"

Problem = tuple[str, str, str]  # code, expected, found


def manifest_findings(loaded: Loaded) -> Iterator[Finding]:
    """Where a manifest contradicts itself."""
    manifest = loaded.manifest
    for problem in (*_sums(manifest), *_names(manifest.files), *_ends(manifest)):
        yield _finding(loaded, *problem)


def total_findings(loaded: Loaded, stretches: Sequence[Stretch]) -> Iterator[Finding]:
    """The proof that an increment lacks nothing: it has as many rows and events as the app got."""
    before, after = loaded.manifest.totals_before, loaded.manifest.totals_after
    if loaded.manifest.is_increment and before is not None and after is not None:
        events, fragments = after.events - before.events, after.fragments - before.fragments
        for problem in _totals(loaded.manifest, Totals(events, fragments), stretches):
            yield _finding(loaded, *problem)


def _finding(loaded: Loaded, code: str, expected: str, found: str) -> Finding:
    return Finding(code, str(loaded.path), expected, found, _AGAIN, loaded.manifest.export)


def _sums(manifest: Manifest) -> Iterator[Problem]:
    for name, found in (
        ("rows", sum(file.counted for file in manifest.files)),
        ("bytes", sum(file.bytes for file in manifest.files)),
    ):
        if (claimed := getattr(manifest, name)) != found:
            yield f"export.{name}", f"{claimed} {name} in all files", f"{found} {name}"


def _names(files: Sequence[FileEntry]) -> Iterator[Problem]:
    names = [file.name for file in files]
    for name in dict.fromkeys((*names, *(member.name for file in files for member in file.members or ()))):
        if not is_plain(name):
            yield "export.files", "names of files beside the manifest", repr(name)
        if names.count(name) > 1:
            yield "export.files", "each file once", f"{name} {names.count(name)} times"


def _ends(manifest: Manifest) -> Iterator[Problem]:
    """What joins an increment to others."""
    before, after = manifest.totals_before, manifest.totals_after
    if not manifest.is_increment:
        return
    if before is None or after is None or manifest.cursor is None:
        yield "export.totals", "cursor, totals_before and totals_after", "not all of them"
    elif after.events < before.events or after.fragments < before.fragments:
        yield "export.totals", "totals that do not shrink", f"from {before} to {after}"


def _totals(manifest: Manifest, between: Totals, stretches: Sequence[Stretch]) -> Iterator[Problem]:
    """Rows are events, or fragments of sessions; those of sessions hold the events, if these were asked for."""
    if manifest.shape != "sessions":
        yield from _counted(manifest, "rows", between.events, manifest.rows)
        return
    nested = any(stretch.content.nested for stretch in stretches)
    events = sum(stretch.content.events for stretch in stretches)
    if nested:
        yield from _counted(manifest, "events in sessions", between.events, events)
    if not (nested and manifest.rows > between.fragments and events == between.events):
        # Else some are in several rows, since they are too large for one: their events prove them.
        yield from _counted(manifest, "rows", between.fragments, manifest.rows)


def _counted(manifest: Manifest, what: str, expected: int, found: int) -> Iterator[Problem]:
    if manifest.filtered and found > expected:
        yield "export.totals", f"at most {expected} {what}, by the difference of its totals", f"{found} {what}"
    elif not manifest.filtered and found != expected:
        yield "export.totals", f"{expected} {what}, by the difference of its totals", f"{found} {what}"
