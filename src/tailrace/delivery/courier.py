"""What delivering needs, and one attempt at a delivery."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from tailrace.accounts.store import Identity
from tailrace.config import Settings
from tailrace.db.engine import Database
from tailrace.delivery.bodies import Bodies
from tailrace.delivery.guard import Guard, guard_of
from tailrace.delivery.vault import Vault
from tailrace.files.base import Files
from tailrace.jobs.queue import Job
from tailrace.model.access import Scope
from tailrace.model.clock import Clock
from tailrace.model.delivery import Copied, Delivery


class Courier(Struct, frozen=True):
    """Many threads share it. `closing` is set when what runs is to be given back."""

    database: Database
    files: Files
    identity: Identity
    clock: Clock
    vault: Vault
    settings: Settings
    bodies: Bodies
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def guard(self) -> Guard:
        """Who may be connected to."""
        return guard_of(self.settings.delivery.allow_networks)


class Errand(Struct, frozen=True):
    """An attempt at a delivery: what is asked, with its secrets, and its row with the state of its export.

    `go_on` raises Stopped when the attempt is to end.
    """

    courier: Courier
    job: Job
    scope: Scope
    row: Any
    asked: Delivery
    go_on: Callable[[], None]


Sink = Callable[[Errand], tuple[Copied, ...]]  # what was copied where, if anything
Sinks = Mapping[str, Sink]
