"""What Alembic runs for metadata and inbox alike: the connection is passed in, the tables are ours."""

from alembic import context
from sqlalchemy import MetaData, text


def run(tables: MetaData) -> None:
    """Run migrations on the connection of `tailrace.db.migrate`, one process at a time."""
    connection = context.config.attributes["connection"]
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7265174)"))
    context.configure(
        connection=connection,
        target_metadata=tables,
        version_table=context.config.attributes["version_table"],
        render_as_batch=connection.dialect.name == "sqlite",
        include_name=lambda name, kind, _parents: kind != "table" or name in tables.tables,
    )
    with context.begin_transaction():
        context.run_migrations()
