"""Profiles: what is set of users, over what they say."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "profile_edits",
        sa.Column("space", _number, nullable=False),
        sa.Column("app", _number, autoincrement=False, nullable=False),
        sa.Column("actor", sa.LargeBinary(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("edit", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["app"], ["apps.number"]),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.PrimaryKeyConstraint("app", "actor", "seq"),
    )
