"""Keys that export: exports that nobody's token asked for, and files that are looked up by their names."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Let exports have no token; index files by app and name."""
    if op.get_bind().dialect.name == "sqlite":
        _drop_not_null()
    else:
        op.alter_column("exports", "token", existing_type=_number, nullable=True)
    op.create_index("export_files_by_name", "export_files", ["app", "name"])


def _drop_not_null() -> None:
    """The way that SQLite's own page on ALTER TABLE names for this: to copy the table, which others refer to, would
    break their references.
    """
    version = op.get_bind().scalar(sa.text("PRAGMA schema_version")) or 0
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'token INTEGER NOT NULL', 'token INTEGER') "
        "WHERE type = 'table' AND name = 'exports'"
    )
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")
