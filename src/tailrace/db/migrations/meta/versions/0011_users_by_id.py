"""Users by id: who was ever seen with a user id is found without reading every profile."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_KNOWN = sa.text("user_id IS NOT NULL")


def upgrade() -> None:
    """Add an index."""
    columns = ["app", "user_id", "actor"]
    op.create_index("profiles_by_user", "profiles", columns, sqlite_where=_KNOWN, postgresql_where=_KNOWN)
