"""Verify: downloaded exports are whole, and a chain of them holds every event exactly once.

Independent of the engine: it reads manifests and files from disk, and shares no code with what wrote them. What proves
what:

- a file is what its manifest says: size, SHA-256, one gzip member or Zstandard frame, an archive of nothing but its
  members, rows that are well formed, their count and content digest, bounds in time;
- an increment is all of its stretch: its rows are the difference of the app's totals after and before it;
- nothing is missing between increments: cursors join, and so do totals;
- nothing comes twice: ids are unique, over a whole chain or within another export, whatever the formats.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tailrace.exports.verify.chain import from_beginning, groups, join
from tailrace.exports.verify.claims import manifest_findings, total_findings
from tailrace.exports.verify.file import check_file
from tailrace.exports.verify.ids import id_findings
from tailrace.exports.verify.manifest import Loaded, is_plain, load_all
from tailrace.exports.verify.report import Finding, Note, Report, VerifiedChain, VerifiedExport
from tailrace.exports.verify.scan import Scanned, Stretch
from tailrace.exports.verify.schema import read_schema
from tailrace.exports.verify.streams import Tick

Progress = Callable[[int, int], None]


class _Checked(Struct, frozen=True):
    """One export, its files read."""

    loaded: Loaded
    files: tuple[Scanned, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]

    @property
    def stretches(self) -> list[Stretch]:
        """What holds its rows, users tables left out."""
        return [stretch for file in self.files for stretch in file.stretches if stretch.form.kind != "user"]

    @property
    def rows(self) -> int:
        """Rows that were read."""
        return sum(stretch.content.rows for stretch in self.stretches)

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
    notes = tuple(note for item in in_order for note in item.notes)
    rows = tuple(item.as_row() for item in in_order)
    return Report(rows, tuple(findings), tuple(chain for chain, _ in chains), notes)


def _check_window(loaded: Loaded, tick: Tick) -> _Checked:
    """An export that is no link of a chain; its ids are forgotten when they are compared."""
    checked = _check(loaded, tick)
    ids = id_findings(checked.stretches, str(loaded.path), loaded.manifest.export)
    return replace(checked, files=tuple(map(_without_ids, checked.files)), findings=(*checked.findings, *ids))


def _without_ids(file: Scanned) -> Scanned:
    return replace(file, stretches=tuple(replace(s, ids=s.ids[:0].copy()) for s in file.stretches))


def _check_chain(members: Sequence[Loaded], increments: Sequence[_Checked]) -> tuple[VerifiedChain, list[Finding]]:
    steps, findings = join(list(members))
    checked = {item.loaded.path: item for item in increments}
    stretches = [stretch for step in steps for stretch in checked[step.path].stretches]
    findings += id_findings(stretches, f"chain of {steps[0].manifest.app} from {steps[0].path}")
    manifests = [step.manifest for step in steps]
    chain = VerifiedChain(
        app=manifests[0].app,
        exports=tuple(manifest.export for manifest in manifests),
        rows=sum(stretch.content.rows for stretch in stretches),
        ids=sum(len(stretch.ids) for stretch in stretches),
        through=manifests[-1].complete_through,
        filtered=any(manifest.filtered for manifest in manifests),
        from_beginning=from_beginning(manifests[0]),
        complete=not findings and not any(checked[step.path].findings for step in members),
        events=sum(stretch.content.events for stretch in stretches),
    )
    return chain, findings


def _check(loaded: Loaded, tick: Tick) -> _Checked:
    """One export for itself: its manifest and schema, then each of its files, then what they add up to."""
    manifest = loaded.manifest
    schema, in_schema, notes = read_schema(loaded)
    findings = [*manifest_findings(loaded), *in_schema]
    files = []
    for entry in manifest.files:
        if is_plain(entry.name):
            checked = check_file(loaded.path.parent, entry, manifest, schema, tick)
            files += [checked.file] if checked.file else []
            findings += checked.findings
            notes += checked.notes
    found = _Checked(loaded, tuple(files), tuple(findings), tuple(notes))
    return replace(found, findings=(*findings, *total_findings(loaded, found.stretches)))


def _paths(loaded: Loaded) -> Iterator[Path]:
    return (loaded.path.parent / file.name for file in loaded.manifest.files if is_plain(file.name))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # missing, which is found when it is read
