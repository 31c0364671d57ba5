"""Deliveries, their log, destinations, and who wants no mail."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add four tables."""
    op.create_table(
        "deliveries",
        sa.Column("number", _number, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        *_owner(),
        sa.Column("export", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("destination", sa.String(length=100), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("message", sa.String(length=40), nullable=False),
        sa.Column("replay_of", sa.String(length=40)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("copied", sa.Text()),
        sa.Column("error", sa.Text()),
        *_owned(),
        sa.ForeignKeyConstraint(["export"], ["exports.id"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("deliveries_by_export", "deliveries", ["export", "number"])
    op.create_table(
        "delivery_attempts",
        sa.Column("number", _number, nullable=False),
        *_owner(),
        sa.Column("delivery", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("why", sa.Text()),
        *_owned(),
        sa.ForeignKeyConstraint(["delivery"], ["deliveries.id"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("delivery_attempts_by_delivery", "delivery_attempts", ["delivery", "number"])
    op.create_table(
        "destinations",
        sa.Column("number", _number, nullable=False),
        sa.Column("space", _number, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("destinations_by_name", "destinations", ["space", "name"], unique=True)
    op.create_table(
        "mail_refusals",
        sa.Column("space", _number, nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.PrimaryKeyConstraint("space", "address"),
    )


def _owner() -> list[sa.Column[int]]:
    return [sa.Column("space", _number, nullable=False), sa.Column("app", _number, nullable=False)]


def _owned() -> list[sa.ForeignKeyConstraint]:
    return [sa.ForeignKeyConstraint(["app"], ["apps.number"]), sa.ForeignKeyConstraint(["space"], ["spaces.number"])]
