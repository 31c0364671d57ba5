"""Jobs that survive: fair turns, pins, cancelling, finished slices, files that expire. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns and tables; what there is already gets the values that it would have got."""
    _columns()
    _tables()
    _indexes()
    _backfill()


def _columns() -> None:
    op.add_column("spaces", sa.Column("weight", sa.Integer(), server_default="1", nullable=False))
    op.add_column("app_heads", sa.Column("floor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("exports", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    for column in (
        sa.Column("priority", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("outages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancel", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("snapshot", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
    ):
        op.add_column("jobs", column)


def _tables() -> None:
    op.create_table(
        "lane_turns",
        sa.Column("lane", sa.String(length=20), nullable=False),
        sa.Column("space", _number, autoincrement=False, nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.PrimaryKeyConstraint("lane", "space"),
    )
    op.create_table(
        "export_parts",
        sa.Column("export", sa.String(length=40), nullable=False),
        sa.Column("space", _number, nullable=False),
        sa.Column("app", _number, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code_version", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["app"], ["apps.number"]),
        sa.ForeignKeyConstraint(["export"], ["exports.id"]),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.PrimaryKeyConstraint("export", "number"),
    )


def _indexes() -> None:
    op.drop_index("jobs_ready", table_name="jobs")
    op.create_index("jobs_by_turn", "jobs", ["lane", "state", "space", sa.text("priority DESC"), "number"])
    op.create_index("jobs_by_subject", "jobs", ["app", "lane", "subject"], unique=True)
    op.create_index("segments_by_object", "segments", ["app", "object"])
    op.create_index("export_files_by_object", "export_files", ["app", "object"])
    op.create_index("exports_by_expiry", "exports", ["app", "state", "expires_at"])


def _backfill() -> None:
    """Jobs know what their exports know: since when they are, what they pin, how they ended."""
    theirs = "FROM exports WHERE exports.id = jobs.subject"
    op.execute(
        f"UPDATE jobs SET created_at = (SELECT created_at {theirs}), snapshot = (SELECT snapshot {theirs}), "  # noqa: S608
        f"outcome = (SELECT state {theirs} AND jobs.state = 'done'), error = (SELECT error {theirs}) "
        f"WHERE lane = 'export' AND EXISTS (SELECT 1 {theirs})"
    )
