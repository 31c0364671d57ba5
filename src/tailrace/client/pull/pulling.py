"""Pulling: what is missing, by some requests at a time, until the directory is whole."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any

from tailrace.client.problems import ConnectionLost, Mismatch
from tailrace.client.pull.folder import Folder
from tailrace.client.pull.listing import Item, Listing, read_listing
from tailrace.client.pull.options import Options, Progress, Pulled
from tailrace.client.pull.parts import Part, Span
from tailrace.client.pull.sources import Changed, LinkRefused, Seen, Source, Unsteady
from tailrace.model.errors import Invalid

Task = Callable[[], Sequence[Any]]  # does some work and tells what there is to do next
_REFUSALS = 5  # of links in a row at one byte: those that are fetched anew may end meanwhile
_ANEW = 2  # how often a file is loaded from its first byte


def pull(source: Source, out: Path, options: Options, progress: Progress | None = None) -> Pulled:
    """Make a directory hold a whole export; one that does already is only looked at.

    Raises:
        Mismatch: a file is not what the manifest says, though it was loaded twice.
        Invalid: the manifest cannot be, or the directory holds something else.
        Unavailable: another pull is at work in the directory.
        ProblemError, ConnectionLost: the server says no, or nothing.
    """
    folder = Folder(out)
    with folder.held():
        here = folder.manifest()
        if here is not None and here.export == source.export and _all_here(folder, here, read=options.verify):
            return _pulled(folder, here, 0)
        listing = read_listing(source.manifest())
        _check_free(folder, here, listing)
        trusted = here is not None and not options.verify  # without a manifest, nobody vouches for what lies there
        missing = [item for item in listing.items if not folder.has(item, read=not trusted)]
        meter = _Meter(listing, missing, progress)
        if missing:
            folder.work.mkdir(exist_ok=True)
            _Pull(source, folder, options, meter).run(missing)
        if missing or here is None:
            folder.complete(listing)
        return _pulled(folder, listing, meter.loaded)


def _all_here(folder: Folder, listing: Listing, *, read: bool) -> bool:
    return all(folder.has(item, read=read) for item in listing.items)


def _check_free(folder: Folder, here: Listing | None, listing: Listing) -> None:
    if here is not None and not here.same_files(listing):
        raise Invalid("--out", f"{folder.path} holds another export, {here.export}; choose another directory")


def _pulled(folder: Folder, listing: Listing, loaded: int) -> Pulled:
    return Pulled(folder.path, listing.export, len(listing.items), listing.size, loaded)


class _Meter:
    """Counts bytes, for whoever wants to know."""

    def __init__(self, listing: Listing, missing: Sequence[Item], progress: Progress | None) -> None:
        self.loaded = 0
        self._total = listing.size
        self._here = listing.size - sum(item.bytes for item in missing)
        self._progress = progress
        self._lock = Lock()
        self.add()

    def add(self, loaded: int = 0, kept: int = 0) -> None:
        """Bytes that came, and bytes that an earlier run left; negative ones have to come again."""
        with self._lock:
            self.loaded += max(loaded, 0)
            self._here += loaded + kept
            if self._progress is not None:
                self._progress(self._here, self._total)


class _File:
    """One file, and how many of its pieces are still to come."""

    def __init__(self, part: Part, seen: Seen, tries: int) -> None:
        self.part = part
        self.seen = seen
        self.tries = tries
        self.left = 0
        self._lock = Lock()

    def one_less(self) -> bool:
        """A piece is there; whether it was the last."""
        with self._lock:
            self.left -= 1
            return self.left == 0


class _Pull:
    """One run."""

    def __init__(self, source: Source, folder: Folder, options: Options, meter: _Meter) -> None:
        self._source = source
        self._folder = folder
        self._options = options
        self._meter = meter
        self._stop = Event()

    def run(self, items: Sequence[Item]) -> None:
        """Load files; the first error ends all work."""
        with ThreadPoolExecutor(self._options.parallel, "pull") as pool:
            waiting: set[Future[Sequence[Task]]] = set()
            try:
                waiting |= {pool.submit(partial(self._begin, item, 0)) for item in items}
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        waiting |= {pool.submit(task) for task in future.result()}
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _begin(self, item: Item, tries: int) -> Sequence[Task]:
        """Look at a file: a large one becomes pieces, any other is loaded as a whole."""
        large = item.bytes > self._options.piece_bytes
        seen = self._patiently(item, lambda: self._source.look(item)) if large else Seen(pieces=False)
        piece = self._options.piece_bytes if seen.pieces else max(item.bytes, 1)
        file = _File(Part(self._folder.work, item, piece, seen.etag), seen, tries)
        missing = file.part.missing()
        self._meter.add(kept=item.bytes - sum(span.stop - span.start for span in missing))
        file.left = len(missing)
        return [partial(self._load, file, span) for span in missing] or [partial(self._finish, file)]

    def _load(self, file: _File, span: Span) -> Sequence[Task]:
        """Load a piece; whoever loads the last one finishes the file."""
        at = span.start
        file.part.write(at, b"")

        def rest() -> None:
            nonlocal at
            at = at if file.seen.pieces else span.start  # without pieces there is no way into the middle
            wanted = Span(span.number, at, span.stop) if file.seen.pieces else None
            with self._source.read(file.part.item, wanted, file.seen) as chunks:
                for chunk in chunks:
                    self._check_going()
                    if at + len(chunk) > span.stop:
                        raise Changed
                    file.part.write(at, chunk)
                    at += len(chunk)
            if at < span.stop:  # a body without a length ends where its connection does
                raise Unsteady(ConnectionLost(f"the download of {file.part.item.name} ended early"))

        self._patiently(file.part.item, rest, lambda: at)
        file.part.mark(span)
        self._meter.add(loaded=span.stop - span.start)
        return [partial(self._finish, file)] if file.one_less() else []

    def _finish(self, file: _File) -> Sequence[Task]:
        """Name a file that is what the manifest says; load any other once more."""
        item = file.part.item
        if file.part.sha256() == item.sha256:
            file.part.finish(self._folder.path / item.name)
            return []
        file.part.restart()
        if file.tries + 1 >= _ANEW:
            raise Mismatch(item.name, "its SHA-256 is not that of the manifest, though it was loaded twice")
        self._meter.add(kept=-item.bytes)
        return [partial(self._begin, item, file.tries + 1)]

    def _patiently(self, item: Item, work: Callable[[], Any], position: Callable[[], int] = lambda: 0) -> Any:
        """Do something until it works: fresh links for refused ones, pauses for what is unsteady.

        What gets further each time may fail any number of times.
        """
        failures, refused, reached = 0, 0, position()
        while True:
            self._check_going()
            try:
                return work()
            except Changed:
                raise Mismatch(item.name, "the server has another file of this name than its manifest says") from None
            except LinkRefused as error:
                refused = 1 if position() > reached else refused + 1
                if refused >= _REFUSALS:
                    raise error.error from None
                self._source.renew(item)
            except Unsteady as error:
                failures = 0 if position() > reached else failures
                self._pause(error, failures)
                failures, refused = failures + 1, 0
            reached = position()

    def _pause(self, error: Unsteady, failures: int) -> None:
        seconds = self._options.retries.pause(error.error, failures, repeatable=True)
        if seconds is None:
            raise error.error from None
        self._stop.wait(seconds)

    def _check_going(self) -> None:
        if self._stop.is_set():
            raise InterruptedError
