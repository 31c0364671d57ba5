"""Profiles: what was sealed of each actor, versions of what is known of it, which actors are one. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns and tables. Actors that are there begin to be counted now."""
    for name in ("events", "sessions", "states", "duration_ms", "profiled"):
        op.add_column("actors", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("actors", sa.Column("names", sa.LargeBinary(), nullable=True))
    for table, columns in (
        ("profiles", (sa.Column("user_id", sa.Text(), nullable=True), sa.Column("profile", sa.Text(), nullable=False))),
        ("joins", (sa.Column("root", sa.LargeBinary(length=16), nullable=False),)),
    ):
        op.create_table(
            table,
            sa.Column("space", _number, nullable=False),
            sa.Column("app", _number, autoincrement=False, nullable=False),
            sa.Column("actor", sa.LargeBinary(length=16), nullable=False),
            sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
            *columns,
            sa.ForeignKeyConstraint(["app"], ["apps.number"]),
            sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
            sa.PrimaryKeyConstraint("app", "actor", "seq"),
        )
    op.create_index("joins_by_root", "joins", ["app", "root"])
