"""Bring a database to this release's tables. Migrations expand first and contract a release later."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from tailrace.db.engine import Database, answering

_HERE = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Run what is missing of the migrations of metadata and inbox. Safe to call at every start."""
    _upgrade(database.meta, "meta")
    _upgrade(database.inbox, "inbox")


def migration_config(part: str) -> Config:
    """Alembic's configuration for ``meta`` or ``inbox``, each with a version table of its own."""
    config = Config()
    config.set_main_option("script_location", str(_HERE / part).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = f"alembic_version_{part}"
    return config


def _upgrade(engine: Engine, part: str) -> None:
    config = migration_config(part)
    with answering(), engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
