"""Verify: downloaded exports are whole, and a chain of them holds every row exactly once.

Independent of the engine: it reads manifests and files from disk, nothing else. What proves what:

- a file is what its manifest says: size, SHA-256, one gzip member, rows, content digest, bounds in time;
- an increment is all of its stretch: its rows are the difference of the app's totals after and before it;
- nothing is missing between increments: cursors join, and so do totals;
- nothing comes twice: ids are unique, over a whole chain or within another export.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tailrace.exports.verify_chain import from_beginning, groups, join
from tailrace.exports.verify_file import Scanned, Tick, check_file
from tailrace.exports.verify_ids import id_findings
from tailrace.exports.verify_manifest import FileEntry, Loaded, Manifest, load_all
from tailrace.exports.verify_report import Finding, Report, VerifiedChain, VerifiedExport

Progress = Callable[[int, int], None]

_AGAIN = "download the manifest again; if it still differs, tell the server's operator"


@dataclass(frozen=True, slots=True)
class _Checked:
    """One export, its files read."""

    loaded: Loaded
    files: tuple[Scanned, ...]
    findings: tuple[Finding, ...]

    @property
    def rows(self) -> int:
        """Rows that were read."""
        return sum(file.content.rows for file in self.files)

    def as_row(self) -> VerifiedExport:
        """What the report says of it."""
        manifest, size = self.loaded.manifest, sum(file.bytes for file in self.files)
        window, count = str(manifest.window), len(self.files)
        return VerifiedExport(manifest.export, manifest.app, window, count, self.rows, size, not self.findings)


class _Meter:
    """Tells how many bytes of all files have been read."""

    def __init__(self, loaded: Sequence[Loaded], progress: Progress | None) -> None:
        self._progress = progress
        self._total = sum(_size(path) for item in loaded for path in _paths(item))
        self._done = 0
        self.tick(0)

    def tick(self, size: int) -> None:
        """Count some bytes."""
        self._done += size
        if self._progress is not None:
            self._progress(self._done, max(self._total, self._done))


def verify(dirs: Sequence[Path], progress: Progress | None = None) -> Report:
    """Verify every export in these directories. `progress` is told bytes read, and bytes in all."""
    found = list(load_all(dirs))
    loaded = [item for item in found if isinstance(item, Loaded)]
    findings = [item for item in found if isinstance(item, Finding)]
    meter = _Meter(loaded, progress)
    windows = [_check_window(item, meter.tick) for item in loaded if not item.manifest.is_increment]
    increments = [_check(item, meter.tick) for item in loaded if item.manifest.is_increment]
    chains = [_check_chain(group, increments) for group in groups([item.loaded for item in increments])]
    checked = {item.loaded.path: item for item in (*windows, *increments)}
    in_order = [checked[item.path] for item in loaded]
    findings += [finding for item in in_order for finding in item.findings]
    findings += [finding for _, of_chain in chains for finding in of_chain]
    return Report(tuple(item.as_row() for item in in_order), tuple(findings), tuple(chain for chain, _ in chains))


def _check_window(loaded: Loaded, tick: Tick) -> _Checked:
    """An export that is no link of a chain; its ids are forgotten when they are compared."""
    checked = _check(loaded, tick)
    ids = id_findings(checked.files, str(loaded.path), loaded.manifest.export)
    return _Checked(loaded, tuple(map(_without_ids, checked.files)), (*checked.findings, *ids))


def _without_ids(file: Scanned) -> Scanned:
    return Scanned(file.path, file.bytes, file.sha256, file.content, file.ids[:0].copy(), file.damaged)


def _check_chain(members: Sequence[Loaded], increments: Sequence[_Checked]) -> tuple[VerifiedChain, list[Finding]]:
    steps, findings = join(list(members))
    checked = {item.loaded.path: item for item in increments}
    files = [file for step in steps for file in checked[step.path].files]
    findings += id_findings(files, f"chain of {steps[0].manifest.app} from {steps[0].path}")
    manifests = [step.manifest for step in steps]
    chain = VerifiedChain(
        app=manifests[0].app,
        exports=tuple(manifest.export for manifest in manifests),
        rows=sum(file.content.rows for file in files),
        ids=sum(len(file.ids) for file in files),
        through=manifests[-1].complete_through,
        filtered=any(manifest.filtered for manifest in manifests),
        from_beginning=from_beginning(manifests[0]),
        complete=not findings and not any(checked[step.path].findings for step in members),
    )
    return chain, findings


def _check(loaded: Loaded, tick: Tick) -> _Checked:
    """One export for itself: its manifest, then each of its files."""
    manifest = loaded.manifest
    findings = list(_manifest_findings(loaded))
    files = []
    for entry in manifest.files:
        if _is_plain(entry.name):
            scanned, of_file = check_file(loaded.path.parent, entry, manifest, tick)
            files += [scanned] if scanned else []
            findings += of_file
    return _Checked(loaded, tuple(files), tuple(findings))


def _manifest_findings(loaded: Loaded) -> Iterator[Finding]:
    for code, expected, found in (*_sums(loaded.manifest), *_names(loaded.manifest.files), *_totals(loaded.manifest)):
        yield Finding(code, str(loaded.path), expected, found, _AGAIN, loaded.manifest.export)


def _sums(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    for name in ("rows", "bytes"):
        claimed, found = getattr(manifest, name), sum(getattr(file, name) for file in manifest.files)
        if claimed != found:
            yield f"export.{name}", f"{claimed} {name} in all files", f"{found} {name}"


def _names(files: Sequence[FileEntry]) -> Iterator[tuple[str, str, str]]:
    names = [file.name for file in files]
    for name in dict.fromkeys(names):
        if not _is_plain(name):
            yield "export.files", "names of files beside the manifest", repr(name)
        if names.count(name) > 1:
            yield "export.files", "each file once", f"{name} {names.count(name)} times"


def _totals(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """The proof that an increment lacks nothing, and what joins it to others."""
    before, after = manifest.totals_before, manifest.totals_after
    if not manifest.is_increment:
        return
    if before is None or after is None or manifest.cursor is None:
        yield "export.totals", "cursor, totals_before and totals_after", "not all of them"
        return
    between = after.events - before.events
    if after.fragments < before.fragments or between < (manifest.rows if manifest.filtered else 0):
        yield "export.totals", "totals that grow by at least its rows", f"from {before} to {after}"
    elif manifest.shape == "events" and not manifest.filtered and manifest.rows != between:
        yield "export.totals", f"{between} rows, by the difference of its totals", f"{manifest.rows} rows"


def _is_plain(name: str) -> bool:
    """Whether a name can only mean a file beside the manifest."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")


def _paths(loaded: Loaded) -> Iterator[Path]:
    return (loaded.path.parent / file.name for file in loaded.manifest.files if _is_plain(file.name))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # missing, which is found when it is read
