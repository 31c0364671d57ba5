"""What rows name stays: every table that can name an object is asked."""

import msgspec
import pytest
from sqlalchemy import LargeBinary, Table, Text, delete, insert, update

from tailrace import __version__
from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import INBOX, META, export_files, export_parts, exports, id_runs, jobs, owner, segments
from tailrace.model.access import Scope
from tailrace.model.export import Part
from tailrace.upkeep.references import NAMING, referenced
from tailrace.wiring import House
from tests.unit.upkeep.writers import ask, exporter, sealer, unique

TABLES = [*META.tables.values(), *INBOX.tables.values()]
# Columns without a bound of length, any of which might name objects, and what they hold instead.
NAME_NOTHING = {
    "store.value": "settings of the store",
    "apps.name": "a name for people",
    "users.password_hash": "a hash",
    "users.apps": "ids of apps",
    "tokens.scopes": "rights",
    "tokens.apps": "ids of apps",
    "tokens.hash": "a hash",
    "tokens.name": "a name for people",
    "tokens.verifier": "a hash",
    "audit.subject": "what was done something to",
    "audit.detail": "how it was changed",
    "idempotency_keys.digest": "a hash",
    "apps.export_key_hash": "a hash",
    "segments.statistics": "counts and names of events",
    "carry.blob": "records",
    "sessions.session_id": "a client's id",
    "sessions.actor": "a hash",
    "actors.actor": "a hash",
    "actors.names": "hashes",
    "profiles.actor": "a hash",
    "profiles.user_id": "a client's id",
    "profiles.profile": "what a client said of a user",
    "joins.actor": "a hash",
    "joins.root": "a hash",
    "catalogue.name": "a client's name",
    "exports.request": "what was asked",
    "exports.error": "words",
    "exports.manifest": "names of files, which are no objects; `export_files` says where they lie",
    "jobs.error": "words",
    "inbox.blob": "records",
    "dead_letters.key": "a hash",
    "dead_letters.source": "where a record came from",
    "dead_letters.reason": "words",
    "dead_letters.raw": "a record",
    "dead_letters.context": "what a batch said",
    "users.withheld": "rights",
    "profile_edits.actor": "a hash",
    "profile_edits.edit": "what was set of a user",
    "destinations.target": "where deliveries go",
    "destinations.shown": "the same for people",
    "destinations.sealed": "secrets, encrypted",
    "deliveries.target": "where one goes",
    "deliveries.shown": "the same for people",
    "deliveries.sealed": "secrets, encrypted",
    "deliveries.copied": "keys of objects in storage that is not ours",
    "deliveries.error": "words",
    "delivery_attempts.why": "words",
}
NAME_OBJECTS = {"segments.object", "id_runs.object", "export_files.object", "export_parts.part"}


def boundless(table: Table) -> set[str]:
    """Columns of a table that can hold an object's name."""
    return {f"{table.name}.{c.name}" for c in table.c if isinstance(c.type, Text | LargeBinary)}


def test_every_column_that_could_name_objects_is_known() -> None:
    """A new table or column that holds text or bytes must be judged here before a sweep may run over it."""
    found = set().union(*map(boundless, TABLES))
    assert found == NAME_NOTHING.keys() | NAME_OBJECTS


def test_every_table_with_objects_is_asked() -> None:
    """The tables with a column `object` (or a key that opens one) are those that are asked."""
    assert {t.name for t in TABLES if {"object", "key_ref"} & {*t.c.keys()}} == {t.name for t in NAMING}


def names(house: House, scope: Scope, *keys: str, exports: tuple[str, ...] = ()) -> set[str]:
    """Which of some objects a row names."""
    with house.database.read() as connection:
        return referenced(connection, scope, keys, exports)


def test_segments_runs_and_files_are_named(store: House, scope: Scope) -> None:
    """What was committed is named, what was only written is not; another app's rows name nothing of this one."""
    writer = sealer(store, scope)
    assert writer is not None
    writer.write()
    writer.write_run()
    mine = writer.commit()
    export = ask(store, scope)
    other = exporter(store, {export.id: export})
    assert other is not None
    other.write()
    mine += other.commit()
    loose = writer.write()
    assert len(mine) == 3
    assert names(store, scope, *mine, loose) == set(mine)
    assert names(store, scope, loose) == set()
    assert names(store, scope_of_app(store.database, "app_tides"), *mine) == set()


def test_many_keys_are_asked_for_at_once(store: House, scope: Scope) -> None:
    """More keys than one statement takes are found all the same, the first and the last too."""
    writer = sealer(store, scope)
    assert writer is not None
    for _ in range(3):
        writer.write()
    mine = writer.commit()
    strangers = [f"{'!' if n % 2 else '~'}{unique()}" for n in range(1_700)]
    assert names(store, scope, *strangers, *mine) == set(mine)


@pytest.mark.parametrize("state", ["ready", "leased", "done"])
def test_finished_slices_are_named_while_their_job_lives(store: House, scope: Scope, state: str) -> None:
    """A recorded part is what the next attempt goes on with: it stays until the job is done, and no longer."""
    export = ask(store, scope)
    part = f"{scope.prefix}/exports/{export.id}/1/part-000000"
    row = {"export": export.id, "number": 0, "code_version": __version__, "digest": "0"}
    with store.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.subject == export.id).values(state=state))
        text = msgspec.json.encode(Part(part, ())).decode()
        connection.execute(insert(export_parts).values(**owner(scope), **row, part=text))
    expected = set() if state == "done" else {part}
    assert names(store, scope, part, exports=(export.id,)) == expected
    assert names(store, scope, part) == set()  # it is looked for where it can be


def test_rows_that_are_gone_name_nothing(store: House, scope: Scope) -> None:
    """When its row is deleted an object is not named any more, in each of the tables."""
    writer = sealer(store, scope)
    assert writer is not None
    segment, run = writer.write(), writer.write_run()
    writer.commit()
    export = ask(store, scope)
    other = exporter(store, {export.id: export})
    assert other is not None
    file = other.write()
    other.commit()
    for table, key in ((segments, segment), (id_runs, run), (export_files, file)):
        assert names(store, scope, key) == {key}
        with store.database.write() as connection:
            connection.execute(delete(table).where(table.c.object == key))
        assert names(store, scope, key) == set()
    with store.database.read() as connection:
        assert connection.execute(exports.select()).all()
