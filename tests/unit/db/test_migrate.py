"""Migrations make the declared tables, no more and no less, and may run at any time."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, inspect, text

from tailrace.db.engine import Database, open_database
from tailrace.db.migrate import migrate, migration_config
from tailrace.db.tables import INBOX, META
from tailrace.model.clock import SystemClock
from tailrace.wiring import House

PARTS = {"meta": META, "inbox": INBOX}
MIGRATE = """
import sys
from pathlib import Path
from tailrace.wiring import initialise
print("ready", flush=True)
sys.stdin.readline()
print(initialise(Path(sys.argv[1])) is not None)
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
