"""What surfaces are given to work with."""

from collections.abc import Mapping

from msgspec import Struct, field
from starlette.requests import Request

from tailrace.accounts.apps import AppMaker
from tailrace.accounts.store import Identity
from tailrace.config import Settings
from tailrace.db.engine import Database
from tailrace.exports.submit import Submitter
from tailrace.files.base import Files
from tailrace.ingest.doors import Doors
from tailrace.ingest.writer import InboxWriter
from tailrace.jobs.bell import Bell
from tailrace.model.clock import Clock
from tailrace.reports.overview import Overviews
from tailrace.web.curls import Spoken
from tailrace.web.opening import Opener
from tailrace.web.watcher import Watcher


class Desk(Struct, frozen=True):
    """Everything that handlers of requests work with, put together once; `spoken` are the dialects by name."""

    database: Database
    files: Files
    identity: Identity
    clock: Clock
    writer: InboxWriter
    submitter: Submitter
    bell: Bell
    watcher: Watcher
    settings: Settings
    apps: AppMaker
    opener: Opener
    doors: Doors
    overviews: Overviews
    spoken: Mapping[str, Spoken] = field(default_factory=dict)

    def base_url(self, request: Request) -> str:
        """Where links begin, without a slash: the configured public URL, else the address that was asked."""
        return (self.settings.public_url or str(request.base_url)).rstrip("/")
