"""How many accepted records policy dropped."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the count. Nothing was dropped before."""
    op.add_column("inbox_heads", sa.Column("dropped", sa.BigInteger(), server_default="0", nullable=False))
