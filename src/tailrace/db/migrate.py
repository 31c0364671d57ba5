"""Bring a database to this release's tables. Migrations expand first and contract a release later.

Alembic is loaded only when there is something to do: commands look here at every start, and nearly always in vain.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, column, inspect, select, table

from tailrace.db.engine import Database, answering

if TYPE_CHECKING:
    from alembic.config import Config

_HERE = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Run what is missing of the migrations of metadata and inbox. Safe to call at every start."""
    for part, engine in (("meta", database.meta), ("inbox", database.inbox)):
        if _version(engine, part) != newest(part):
            _upgrade(engine, part)


def newest(part: str) -> str:
    """The newest migration of ``meta`` or ``inbox``: the number that the name of its script begins with."""
    return max(path.name for path in (_HERE / part / "versions").glob("[0-9]*.py")).partition("_")[0]


def migration_config(part: str) -> "Config":
    """Alembic's configuration for ``meta`` or ``inbox``, each with a version table of its own."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE / part).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = _table(part)
    return config


def _table(part: str) -> str:
    return f"alembic_version_{part}"


def _version(engine: Engine, part: str) -> str | None:
    """The newest migration that a database has; None before the first."""
    with answering(), engine.connect() as connection:
        if not inspect(connection).has_table(_table(part)):
            return None
        found: str | None = connection.scalar(select(column("version_num")).select_from(table(_table(part))))
        return found


def _upgrade(engine: Engine, part: str) -> None:
    from alembic import command

    config = migration_config(part)
    with answering(), engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
