"""The watcher: one look at the database in each tick, for all clients that wait for news of exports.

It lives in the event loop of its process. Waiting costs no thread; nothing runs while nobody waits.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from starlette.concurrency import run_in_threadpool

from tailrace.config import WatchSettings
from tailrace.db.engine import Database
from tailrace.exports.news import refresh
from tailrace.exports.records import Export
from tailrace.logs import log
from tailrace.model.errors import TooManyWaiting, Unavailable


class Watch:
    """One client's place: `export` as it was seen last. `closed` says that no news will come any more."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.closed = False
        self._news = asyncio.Event()

    def tell(self, export: Export | None) -> None:
        """Hand over how the export is now; None closes the watch."""
        if export is None:
            self.closed = True
        elif export == self.export:
            return
        else:
            self.export = export
        self._news.set()

    async def news(self, seconds: float) -> bool:
        """Wait for news since the last call; False if there are none within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    async def until(self, enough: Callable[[Export], bool], seconds: float) -> None:
        """Wait until the export is as wanted, the watch is closed, or the time is over."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while not (self.closed or enough(self.export)):
            if not await self.news(end - clock()):
                return


class Watcher:
    """Tells watches of their exports, until it is closed."""

    def __init__(self, database: Database, settings: WatchSettings) -> None:
        self._database = database
        self._settings = settings
        self._watches: set[Watch] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._watches)

    def add(self, export: Export) -> Watch:
        """A watch of an export; `remove` it in the end.

        Raises:
            TooManyWaiting: all places are taken, or half of them by the export's space.
        """
        self._check(export.scope.space)
        watch = Watch(export)
        watch.closed = self._closed.is_set()
        self._watches.add(watch)
        if self._ticker is None:
            self._ticker = asyncio.get_running_loop().create_task(self._run())
        return watch

    def remove(self, watch: Watch) -> None:
        """Forget a watch."""
        self._watches.discard(watch)

    @contextmanager
    def watching(self, export: Export) -> Iterator[Watch]:
        """A watch for the time of a block. Raises as `add` does."""
        watch = self.add(export)
        try:
            yield watch
        finally:
            self.remove(watch)

    def close(self) -> None:
        """Close every watch, and those to come: this process is to end."""
        self._closed.set()
        for watch in self._watches:
            watch.tell(None)

    async def finish(self) -> None:
        """Close, and return when no look is under way: the database may be closed then."""
        self.close()
        if self._ticker is not None:
            await self._ticker

    def _check(self, space: int) -> None:
        most = self._settings.most
        if len(self._watches) >= most:
            raise TooManyWaiting(most)
        share = (most + 1) // 2
        if sum(watch.export.scope.space == space for watch in self._watches) >= share:
            raise TooManyWaiting(share)

    async def _run(self) -> None:
        await self._pause()
        while self._watches and not self._closed.is_set():
            await self._look()
            await self._pause()
        self._ticker = None

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.interval_ms / 1000):
                await self._closed.wait()

    async def _look(self) -> None:
        """Tell everybody. A database that does not answer now is asked again in the next tick."""
        watches = list(self._watches)
        try:
            found = await run_in_threadpool(refresh, self._database, [watch.export for watch in watches])
        except Unavailable as error:
            log.warning("watcher.waiting", why=error.why)
        except Exception:
            log.exception("watcher.error")
        else:
            for watch in watches:
                watch.tell(found.get(watch.export.id))
