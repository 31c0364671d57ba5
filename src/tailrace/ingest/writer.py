"""The group commit: whatever arrived while the last commit was running goes into the next, in one transaction."""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType

from msgspec import Struct

from tailrace.db.engine import Database
from tailrace.ingest.backlog import LOOK_S, Backlog
from tailrace.logs import log
from tailrace.model.errors import Unavailable
from tailrace.store.inbox import Submission, append

_Waiting = tuple[Submission, "Future[None]"]
_MOST = 256  # submissions in one transaction
_MOST_BYTES = 64 << 20  # of records in one transaction, before packing
_WAITING_BYTES = 256 << 20  # of records that may wait


class Written(Struct):
    """What a writer has made durable since its start: records, their bytes before packing, and its transactions."""

    accepted: int = 0
    rejected: int = 0
    bytes: int = 0
    commits: int = 0


class InboxWriter:
    """A thread that appends submissions. A future is done when its submission is durable."""

    def __init__(self, database: Database, most_backlog: int = 0) -> None:
        self._database = database
        self.backlog = Backlog(database, most_backlog)
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(maxsize=1024)
        self._bytes = 0
        self.written = Written()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="inbox-writer", daemon=True)

    def __enter__(self) -> "InboxWriter":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be written, before packing."""
        return self._bytes

    def submit(self, submission: Submission) -> "Future[None]":
        """Queue a submission.

        Raises:
            Unavailable: so much is waiting, to be written or to be sealed, that nothing more is taken.
        """
        self.backlog.check()
        future: Future[None] = Future()
        self._reserve(submission)
        try:
            self._queue.put_nowait((submission, future))
        except queue.Full:
            self._free(submission)
            raise Unavailable("more is arriving than can be written", 1) from None
        return future

    def _reserve(self, submission: Submission) -> None:
        with self._lock:
            if self._bytes + submission.nbytes > _WAITING_BYTES and self._bytes:
                raise Unavailable("more is arriving than can be written", 1)
            self._bytes += submission.nbytes

    def _free(self, submission: Submission) -> None:
        with self._lock:
            self._bytes -= submission.nbytes

    def _run(self) -> None:
        while (first := self._first()) is not None:
            # What its sender gave up is not stored; what is stored cannot be given up any more.
            taken = [first, *self._more(first[0].nbytes)]
            for submission, _ in taken:
                self._free(submission)
            self._append([waiting for waiting in taken if waiting[1].set_running_or_notify_cancel()])

    def _first(self) -> _Waiting | None:
        """The next submission; None at the end. The backlog is looked at meanwhile, for who is refused submits none."""
        while True:
            self._look()
            try:
                return self._queue.get(timeout=LOOK_S)
            except queue.Empty:
                continue

    def _look(self) -> None:
        try:
            self.backlog.look()
        except Unavailable as error:  # what is submitted hears of it in its own way
            log.warning("inbox.not_measured", why=error.why)

    def _more(self, size: int) -> list[_Waiting]:
        """What else waits, up to the bounds of one transaction; `size` is that of its first submission, bytes."""
        group: list[_Waiting] = []
        while len(group) < _MOST - 1 and size < _MOST_BYTES:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._queue.put(None)
                break
            group.append(item)
            size += item[0].nbytes
        return group

    def _append(self, group: list[_Waiting]) -> None:
        try:
            append(self._database, [submission for submission, _ in group])
        except BaseException as error:
            self._after_failure(group, error)
        else:
            self._count([submission for submission, _ in group])
            for _, future in group:
                future.set_result(None)

    def _count(self, stored: Sequence[Submission]) -> None:
        self.written.commits += 1
        for submission in stored:
            self.written.accepted += submission.accepted
            self.written.rejected += len(submission.dead)
            self.written.bytes += submission.nbytes

    def _after_failure(self, group: list[_Waiting], error: BaseException) -> None:
        """One submission that cannot be stored must not fail the others of its group: each is tried by itself."""
        if len(group) > 1 and not isinstance(error, Unavailable):
            for waiting in group:
                self._append([waiting])
        else:
            for _, future in group:
                future.set_exception(error)
