"""The only place that names concrete backends, but for what a slice needs: see `remote`."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection

from tailrace.accounts.apps import AppMaker
from tailrace.accounts.lookup import all_scopes
from tailrace.accounts.provisioning import Applied, ProvisioningFile, apply
from tailrace.accounts.setup import new_setup
from tailrace.accounts.store import Identity, create_identity, identity
from tailrace.compute.local import local_pool
from tailrace.compute.process import Method
from tailrace.config import Settings, load
from tailrace.db.engine import Database, open_database
from tailrace.db.migrate import migrate
from tailrace.delivery.bodies import Bodies, Body
from tailrace.delivery.checks import Reception
from tailrace.delivery.courier import Courier
from tailrace.delivery.vault import KEY_FILE, Vault
from tailrace.exports.attempts import Runner
from tailrace.exports.cache import PartCache
from tailrace.exports.closing import Closer
from tailrace.exports.making import Maker
from tailrace.exports.submit import Submitter
from tailrace.files.base import Files
from tailrace.files.local import LocalFiles
from tailrace.ingest.discretion import Discretion
from tailrace.ingest.places import NOWHERE, Places, open_places
from tailrace.ingest.rates import UNKNOWN, Rates, open_rates
from tailrace.ingest.seal import Sealer
from tailrace.jobs.queue import ensure
from tailrace.model.access import Scope
from tailrace.model.clock import Clock, ShiftedClock, SystemClock
from tailrace.model.errors import Invalid, Unavailable
from tailrace.model.ids import Ids, RandomIds
from tailrace.model.policy import register
from tailrace.model.shards import initial_shards
from tailrace.remote import FILES_DIRECTORY, modules_of, run_slice_here, storage_of
from tailrace.store.commits import create_head
from tailrace.store.inbox import create_heads, heads
from tailrace.store.shards import create_shards, shards_of
from tailrace.surfaces.table import DIALECTS, NATIVE_BODIES
from tailrace.upkeep.run import SWEEP
from tailrace.upkeep.sweep import Sweeper

CACHE_DIRECTORY = "cache"

for _dialect in DIALECTS:
    register(_dialect.limits)  # whoever opens a store knows every limit


class House(Struct, frozen=True):
    """An opened data directory: every backend that settings name, put together once."""

    data: Path
    settings: Settings
    clock: Clock
    ids: Ids
    database: Database
    files: Files
    identity: Identity
    places: Places = NOWHERE
    rates: Rates = UNKNOWN

    @property
    def discretion(self) -> Discretion:
        """What is kept of senders."""
        return Discretion(self.settings.ingest.ip, self.settings.ingest.bots, self.places, self.rates)

    @property
    def holder(self) -> str:
        """How this process signs its leases."""
        return f"{socket.gethostname()}:{os.getpid()}"

    def sealer(self) -> Sealer:
        """What sealing needs."""
        return Sealer(self.database, self.files, self.clock, self.ids, self.settings.seal)

    def submitter(self) -> Submitter:
        """What submitting exports needs."""
        return Submitter(self.database, self.identity, self.ids, self.reception)

    @property
    def reception(self) -> Reception:
        """What taking deliveries needs."""
        return Reception(self.vault, self.settings.delivery, self.settings.mail)

    @property
    def vault(self) -> Vault:
        """What seals secrets of tenants."""
        secrets = self.settings.secrets
        keys = [key for key in map(str.strip, secrets.keys.get_secret_value().split(",")) if key]
        return Vault(tuple(keys), Path(secrets.key_file) if secrets.key_file else self.data / KEY_FILE)

    def courier(self) -> Courier:
        """What delivering needs."""
        return Courier(
            self.database, self.files, self.identity, self.clock, self.vault, self.settings, webhook_bodies()
        )

    def app_maker(self) -> AppMaker:
        """What a new app needs to take events."""
        return AppMaker(partial(_new_app, self.settings.shard_bits), partial(ensure_inboxes, self))

    def closer(self) -> Closer:
        """What closing bundles needs."""
        schedules = [dialect.schedule for dialect in DIALECTS if dialect.schedule is not None]
        return Closer(self.database, self.ids, schedules)

    def sweeper(self) -> Sweeper:
        """What upkeep needs."""
        return Sweeper(self.database, self.files, self.settings.upkeep)

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        """What running exports needs; its workers end with the block."""
        exports, turn_ms = self.settings.exports, self.settings.jobs.turn_ms
        with self.maker(self.files) as maker:
            yield Runner(self.submitter(), maker, self.clock, exports.lease_ms, exports.max_attempts, turn_ms)

    @contextmanager
    def maker(self, files: Files, method: Method = "forkserver") -> Iterator[Maker]:
        """What making exports needs, their files going to `files`; its workers end with the block."""
        exports = self.settings.exports
        if self.settings.files:
            method = "forkserver"  # the client of S3 has threads, which a copy of this process would wait for in vain
        deaths = exports.slice_attempts
        with local_pool(exports.pool, exports.workers, method, modules_of(self.settings), deaths=deaths) as pool:
            yield Maker(self.files, files, pool, partial(run_slice_here, str(self.data)), self._cache())

    def _cache(self) -> PartCache:
        # It keeps parts by hard links, which cost nothing; where there are none it would have to copy each part twice.
        limit = 0 if self.settings.files else self.settings.exports.cache_bytes
        objects = LocalFiles(self.data / FILES_DIRECTORY)
        return PartCache(self.data / CACHE_DIRECTORY, limit, objects.path)


def initialise(data: Path) -> str | None:
    """Make a data directory and its tables; the token of a set-up link if the store is new."""
    data.mkdir(parents=True, exist_ok=True)
    settings = load(data)
    database = open_database(data, settings.database, _clock(settings))
    try:
        migrate(database)
        with suppress(Unavailable):  # events are taken all the same
            next(storage_of(data, settings).list(""), None)  # a setting that cannot be is told now
        made = identity(database) if create_identity(database) else None
        return None if made is None else new_setup(database, made)
    finally:
        database.close()


@contextmanager
def open_house(data: Path) -> Iterator[House]:
    """Open a data directory that `initialise` made, its tables brought to this release.

    Raises:
        Invalid: there is no store there, or the setting `ingest.ip_database` or `ingest.exchange_rates` names
            no such file.
    """
    if not data.is_dir():
        raise Invalid("--data", f"{data} is not a data directory; make one with: tailrace init --data {data}")
    settings = load(data)
    clock = _clock(settings)
    database = open_database(data, settings.database, clock)
    try:
        migrate(database)
        found = identity(database)
        if found is None:
            raise Invalid("--data", f"{data} holds no store yet; make one with: tailrace init --data {data}")
        files = storage_of(data, settings)
        with closing(open_places(settings.ingest.ip_database)) as places:
            rates = open_rates(settings.ingest.exchange_rates)
            house = House(data, settings, clock, RandomIds(), database, files, found, places, rates)
            ensure_inboxes(house)  # a crash may have come between an app and its inbox
            yield house
    finally:
        database.close()


def provision(house: House, wanted: ProvisioningFile) -> Applied:
    """Make the store look as wanted, new apps with everything that they need to take events."""
    maker = house.app_maker()
    applied = apply(house.database, house.identity, wanted, maker.inside)
    maker.after()
    return applied


def _new_app(shard_bits: int, connection: Connection, scope: Scope) -> None:
    """What a new app has from the moment that it is there."""
    create_head(connection, scope)
    create_shards(connection, scope, initial_shards(shard_bits))
    ensure(connection, "upkeep", scope, SWEEP)


def ensure_inboxes(house: House) -> None:
    """Make the inbox of each app that has none. The inbox may be a file of its own, so it follows the app's commit."""
    there = heads(house.database)
    for scope in all_scopes(house.database):
        with house.database.read() as connection:
            numbers = [shard.number for shard in shards_of(connection, scope)]
        if any((scope.app, number) not in there for number in numbers):
            create_heads(house.database, scope, numbers)


def ensure_upkeep(house: House) -> None:
    """Make the jobs that recur for each app that has none, because it is older than they are."""
    scopes = all_scopes(house.database)
    with house.database.write() as connection:
        for scope in scopes:
            ensure(connection, "upkeep", scope, SWEEP)


def webhook_bodies() -> Bodies:
    """What webhooks say, by the names of those who write it: the native API, and dialects."""
    found: dict[str, Body] = {}
    for place in (NATIVE_BODIES, *(dialect.bodies for dialect in DIALECTS if dialect.bodies)):
        module, _, name = place.partition(":")
        found |= getattr(import_module(module), name)
    return found


def _clock(settings: Settings) -> Clock:
    return ShiftedClock(Path(settings.test_clock)) if settings.test_clock else SystemClock()
