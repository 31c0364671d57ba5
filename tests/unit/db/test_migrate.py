"""Migrations make the declared tables, no more and no less, and may run at any time."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, inspect, text

from tailrace.db.engine import Database, open_database
from tailrace.db.migrate import migrate, migration_config, newest
from tailrace.db.tables import INBOX, META
from tailrace.jobs.queue import claim
from tailrace.model.clock import SystemClock
from tailrace.wiring import House, open_house

PARTS = {"meta": META, "inbox": INBOX}
MIGRATE = """
import sys
from pathlib import Path
from tailrace.wiring import initialise
print("ready", flush=True)
sys.stdin.readline()
print(initialise(Path(sys.argv[1])) is not None)
"""

OPEN = """
with open_house(Path(sys.argv[1])):
    assert "alembic" not in sys.modules
"""


def engine_of(database: Database, part: str) -> Engine:
    """Where a part lives."""
    return database.meta if part == "meta" else database.inbox


def differences(engine: Engine, declared: MetaData) -> list[object]:
    """What Alembic would write into the next migration."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _parents: kind != "table" or name in declared.tables,
            },
        )
        return list(compare_metadata(context, declared))


@pytest.mark.parametrize("part", PARTS)
def test_migrations_make_the_declared_tables(house: House, part: str) -> None:
    """Columns, types, indexes and constraints of the database are those of `tables.py`."""
    assert differences(engine_of(house.database, part), PARTS[part]) == []


@pytest.mark.parametrize("part", PARTS)
def test_the_newest_migration_is_told_by_its_name(part: str) -> None:
    """Without Alembic, by the order of numbers of four digits."""
    scripts = ScriptDirectory.from_config(migration_config(part))
    assert newest(part) == scripts.get_current_head()
    assert all(len(script.revision) == 4 for script in scripts.walk_revisions())


def test_a_store_that_is_up_to_date_is_opened_without_alembic(data: Path) -> None:
    """Loading it would be a third of a second of each start, and nearly always in vain."""
    with open_house(data):
        pass
    script = f"import sys; from tailrace.wiring import open_house; from pathlib import Path\n{OPEN}"
    subprocess.run([sys.executable, "-c", script, str(data)], check=True)


def test_no_table_is_made_that_is_not_declared(house: House) -> None:
    """Beside the declared tables there are only Alembic's own."""
    meta, inbox = ({*PARTS[part].tables, f"alembic_version_{part}"} for part in PARTS)
    expected = [meta, inbox] if house.database.sqlite else [meta | inbox] * 2
    found = [set(inspect(engine_of(house.database, part)).get_table_names()) for part in PARTS]
    assert found == expected


def test_migrating_again_changes_nothing(house: House) -> None:
    """A second run is fine and keeps what is there; both parts stand at their last revision."""
    with house.database.read() as connection:
        before = connection.execute(text("SELECT id FROM apps ORDER BY id")).all()
    migrate(house.database)
    with house.database.read() as connection:
        assert connection.execute(text("SELECT id FROM apps ORDER BY id")).all() == before
    for part in PARTS:
        head = ScriptDirectory.from_config(migration_config(part)).get_current_head()
        with engine_of(house.database, part).connect() as connection:
            assert connection.scalar(text(f"SELECT version_num FROM alembic_version_{part}")) == head  # noqa: S608


def test_processes_that_start_at_once_make_one_store(tmp_path: Path, database_url: str) -> None:
    """Four processes that initialise the same empty store at the same time all succeed, and one of them made it."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "tailrace.toml").write_text(f'database = "{database_url}"\n')
    processes = [start(data) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = [process.communicate("go\n", timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, answers
    assert sorted(out.strip() for out, _ in answers) == ["False"] * 3 + ["True"]
    database = open_database(data, database_url, SystemClock())
    assert [differences(engine_of(database, part), PARTS[part]) for part in PARTS] == [[], []]
    database.close()


def start(data: Path) -> "subprocess.Popen[str]":
    """A process that initialises a data directory when it is told to."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", MIGRATE, str(data)], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


BEFORE = """
INSERT INTO spaces (number, id) VALUES (1, 'acme');
INSERT INTO apps (number, space, id, name) VALUES (1, 1, 'waves', 'Waves');
INSERT INTO users (number, space, email, role, one_time) VALUES (1, 1, 'ana', 'admin', {false});
INSERT INTO tokens (number, space, "user", hash, scopes, apps, created_at) VALUES (1, 1, 1, {blob}, '*', '*', 1);
INSERT INTO exports (id, space, app, token, request, state, created_at, snapshot, slices_done, error)
 VALUES ('exp_a', 1, 1, 1, '1', 'succeeded', 11, 5, 0, NULL), ('exp_b', 1, 1, 1, '1', 'failed', 12, 6, 0, 'no luck'),
 ('exp_c', 1, 1, 1, '1', 'running', 13, 7, 0, NULL), ('exp_d', 1, 1, 1, '1', 'queued', 14, NULL, 0, NULL);
INSERT INTO jobs (lane, space, app, subject, state, not_before, attempt, fence, lease_until, code_version)
 VALUES ('export', 1, 1, 'exp_a', 'done', 1, 1, 1, 0, '0'), ('export', 1, 1, 'exp_b', 'done', 1, 3, 3, 0, '0'),
 ('export', 1, 1, 'exp_c', 'leased', 1, 1, 1, 9, '0'), ('export', 1, 1, 'exp_d', 'ready', 1, 0, 0, 0, '0');
"""


def test_jobs_of_the_first_release_are_taken_over(tmp_path: Path, database_url: str) -> None:
    """Rows of the first tables get the values that they would have been given, and are claimed as any other."""
    database = open_database(tmp_path, database_url, SystemClock())
    for part in PARTS:
        _run(engine_of(database, part), part, "0001")
    kinds = {"false": "0", "blob": "x'00'"} if database.sqlite else {"false": "false", "blob": "'\\x00'"}
    with database.write() as connection:
        for statement in BEFORE.format(**kinds).split(";")[:-1]:
            connection.exec_driver_sql(statement)
    migrate(database)
    with database.read() as connection:
        columns = "subject, created_at, snapshot, outcome, error, priority, failures, cancel"
        found = connection.execute(text(f"SELECT {columns} FROM jobs ORDER BY number")).all()  # noqa: S608
        assert connection.scalar(text("SELECT weight FROM spaces")) == 1
    assert [tuple(row) for row in found] == [
        ("exp_a", 11, 5, "succeeded", None, 0, 0, False),
        ("exp_b", 12, 6, "failed", "no luck", 0, 0, False),
        ("exp_c", 13, 7, None, None, 0, 0, False),
        ("exp_d", 14, None, None, None, 0, 0, False),
    ]
    claimed = [claim(database, "export", "test", 1000) for _ in range(3)]
    assert [job.subject if job else None for job in claimed] == ["exp_c", "exp_d", None]
    database.close()


def test_exports_of_the_first_release_stay_as_they_are(tmp_path: Path, database_url: str) -> None:
    """Rows are where they were when a column of their table has become looser; what refers to them still does, and an
    export may have no token.
    """
    database = open_database(tmp_path, database_url, SystemClock())
    _run(engine_of(database, "meta"), "meta", "0001")
    kinds = {"false": "0", "blob": "x'00'"} if database.sqlite else {"false": "false", "blob": "'\\x00'"}
    with database.write() as connection:
        for statement in BEFORE.format(**kinds).split(";")[:-1]:
            connection.exec_driver_sql(statement)
    migrate(database)
    with database.write() as connection:
        connection.execute(text("UPDATE exports SET token = NULL WHERE id = 'exp_d'"))
        found = connection.execute(text("SELECT id, token, state FROM exports ORDER BY id")).all()
        if database.sqlite:
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    assert [tuple(row) for row in found] == [
        ("exp_a", 1, "succeeded"), ("exp_b", 1, "failed"), ("exp_c", 1, "running"), ("exp_d", None, "queued"),
    ]  # fmt: skip
    database.close()


def test_the_release_before_can_still_add_jobs(house: House) -> None:
    """While releases change, servers of the old one go on: a row without the new columns is a job like any other."""
    with house.database.write() as connection:
        app = connection.execute(text("SELECT number, space FROM apps WHERE id = 'app_waves'")).one()
        connection.execute(
            text(
                "INSERT INTO jobs (lane, space, app, subject, state, not_before, attempt, fence, lease_until,"
                " code_version) VALUES ('export', :space, :app, 'old', 'ready', 1, 0, 0, 0, '0')"
            ),
            {"space": app.space, "app": app.number},
        )
    job = claim(house.database, "export", "test", 1000)
    assert job is not None
    assert (job.subject, job.code_version, job.priority, job.failures) == ("old", "0", 0, 0)


def _run(engine: Engine, part: str, revision: str) -> None:
    """Migrate a part to a revision."""
    config = migration_config(part)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
