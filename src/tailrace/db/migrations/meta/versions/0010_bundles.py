"""Bundles: series and what they hold, exports that nobody asked for, limits of single tokens, default apps."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add a column and four tables."""
    op.add_column("exports", sa.Column("ahead", sa.Boolean(), server_default=sa.false(), nullable=False))
    _series()
    _bundles()
    _of_accounts()


def _series() -> None:
    op.create_table(
        "bundle_series",
        sa.Column("space", _number, nullable=False),
        sa.Column("app", _number, autoincrement=False, nullable=False),
        sa.Column("series", sa.String(length=20), nullable=False),
        sa.Column("token", _number, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=True),
        sa.Column("opens", sa.BigInteger(), nullable=True),
        sa.Column("closes", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["app"], ["apps.number"]),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.ForeignKeyConstraint(["token"], ["tokens.number"]),
        sa.PrimaryKeyConstraint("app", "series"),
    )


def _bundles() -> None:
    op.create_table(
        "bundles",
        sa.Column("number", _number, nullable=False),
        sa.Column("space", _number, nullable=False),
        sa.Column("app", _number, nullable=False),
        sa.Column("series", sa.String(length=20), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("stop", sa.BigInteger(), nullable=False),
        sa.Column("after_seq", sa.BigInteger(), nullable=False),
        sa.Column("upto_seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("export", sa.String(length=40), nullable=True),
        sa.Column("release", sa.String(length=40), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["app"], ["apps.number"]),
        sa.ForeignKeyConstraint(["export"], ["exports.id"]),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("app", "series", "stop"),
        sa.UniqueConstraint("export"),
    )
    op.create_index("bundles_by_state", "bundles", ["app", "series", "state", "stop"])


def _of_accounts() -> None:
    op.create_table(
        "token_limits",
        sa.Column("token", _number, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["token"], ["tokens.number"]),
        sa.PrimaryKeyConstraint("token", "name"),
    )
    op.create_table(
        "default_apps",
        sa.Column("space", _number, autoincrement=False, nullable=False),
        sa.Column("dialect", sa.String(length=20), nullable=False),
        sa.Column("app", _number, nullable=False),
        sa.ForeignKeyConstraint(["app"], ["apps.number"]),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.PrimaryKeyConstraint("space", "dialect"),
    )
