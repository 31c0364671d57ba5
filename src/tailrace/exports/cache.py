"""The cache of parts: what an unfiltered slice wrote serves every later export that would write the same.

It lies on this machine's disk beside the parts and shares their bytes by hard links, so that a part that is in use
outlives its eviction. It holds nothing that cannot be made again, and needs no index: names are digests of all that
decides the bytes, times of use are the files' own.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tailrace import __version__
from tailrace.exports.slices import SliceSpec
from tailrace.model.export import Part
from tailrace.model.segment import Segment
from tailrace.store.scan import Selection

_INDEX = ".json"
_PART = ".part"
_decode = msgspec.json.Decoder(Part).decode


class PartCache(Struct, frozen=True):
    """A directory of at most `limit` bytes of parts; 0 keeps none. `path` tells where the part of a name lies."""

    root: Path
    limit: int
    path: Callable[[str], Path]

    def find(self, prefix: str, spec: SliceSpec) -> Part | None:
        """What the slice would write, put where it would write it; None if that is not known."""
        name = self._name(prefix, spec)
        if name is None:
            return None
        target = self.path(spec.object)
        try:
            part = _decode(name.with_suffix(_INDEX).read_bytes())
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(name.with_suffix(_PART), target)
            os.utime(name.with_suffix(_PART))
        except (OSError, msgspec.DecodeError):
            return None
        return replace(part, object=spec.object)

    def keep(self, prefix: str, spec: SliceSpec, part: Part) -> None:
        """Keep a part for later. Never fails."""
        name = self._name(prefix, spec)
        size = sum(piece.packed for piece in part.pieces)
        if name is None or size > self.limit:
            return
        with suppress(OSError):
            name.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.link(self.path(part.object), name.with_suffix(_PART))
            # Last: of a process that dies in between there is a part left, which goes in its time, and no index.
            name.with_suffix(_INDEX).write_bytes(msgspec.json.encode(part))

    def forget(self, prefix: str) -> None:
        """Drop all parts below a prefix: one was found damaged, or what they hold must go."""
        shutil.rmtree(self.root / prefix, ignore_errors=True)

    def _name(self, prefix: str, spec: SliceSpec) -> Path | None:
        if not self.limit or spec.layout.passing or not _unfiltered(spec):
            return None
        return self.root / prefix / _digest(spec)

    def shrink(self) -> None:
        """Let go of the longest unused parts when they are too many. Never fails."""
        with suppress(OSError):
            self._shrink()

    def _shrink(self) -> None:
        found = [(path.stat(), path) for path in self.root.rglob(f"*{_PART}")]
        total = sum(status.st_size for status, _ in found)
        for status, path in sorted(found, key=lambda item: item[0].st_mtime_ns):
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)
            path.with_suffix(_INDEX).unlink(missing_ok=True)
            total -= status.st_size


def _unfiltered(spec: SliceSpec) -> bool:
    """Whether every row of the slice's segments comes out."""
    selection = spec.selection
    if selection.arrivals is not None:  # a bundle is made once
        return False
    return selection.filters.empty and all(_covered(segment, selection) for segment in spec.slice.segments)


def _covered(segment: Segment, selection: Selection) -> bool:
    known, window, increment = segment.statistics, selection.window, selection.increment
    if window.axis == "available":  # rows that a rewrite has kept may be older than their segment
        return increment is None or (increment.whole and segment.added_seq <= increment.upto)
    by_start = window.axis == "session_start"
    low, high = (known.min_start, known.max_start) if by_start else (known.min_time, known.max_time)
    return window.covers(low, high)


def _digest(spec: SliceSpec) -> str:
    """A digest of all that decides the bytes of a part; the window is left out, since it leaves nothing out."""
    segments = [(s.location.object, s.location.offset, s.first_event, s.first_fragment) for s in spec.slice.segments]
    decides = [
        __version__,
        spec.layout,
        list(spec.selection.columns),
        segments,
        spec.slice.share,
        sorted(spec.slice.available_at.items()),
    ]
    return sha256(msgspec.json.encode(decides)).hexdigest()
