"""Dialects: numbers of exports, and windows that were granted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add two tables."""
    op.create_table(
        "export_numbers",
        sa.Column("number", _number, nullable=False),
        sa.Column("space", _number, nullable=False),
        sa.Column("app", _number, nullable=False),
        sa.Column("series", sa.String(length=20), nullable=False),
        sa.Column("export", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["app"], ["apps.number"]),
        sa.ForeignKeyConstraint(["export"], ["exports.id"]),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("export"),
    )
    op.create_table(
        "window_grants",
        sa.Column("number", _number, nullable=False),
        sa.Column("space", _number, nullable=False),
        sa.Column("app", _number, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("filters", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app"], ["apps.number"]),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("window_grants_by_app", "window_grants", ["app", "start"])
