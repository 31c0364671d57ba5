"""Switches: rights withheld from a user, events that are blocked; and how often a file was downloaded."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add a column to each of three tables."""
    op.add_column("users", sa.Column("withheld", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("catalogue", sa.Column("blocked", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("export_files", sa.Column("downloads", sa.BigInteger(), nullable=False, server_default="0"))
