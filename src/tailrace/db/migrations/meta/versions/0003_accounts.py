"""Accounts: what tokens and users may and for how long, quotas, an audit that nobody can change, keys of clients."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns and tables. Tokens and users that are there stay as they are and may what they might."""
    _columns()
    _quotas()
    _audit()
    _idempotency()
    op.create_index("tokens_by_user", "tokens", ["user", "kind"])
    op.create_index("exports_by_age", "exports", ["space", "id"])


def _columns() -> None:
    for column in (
        sa.Column("kind", sa.String(length=20), server_default="person", nullable=False),
        sa.Column("apps", sa.Text(), server_default='["*"]', nullable=False),
        sa.Column("created_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.BigInteger(), server_default="0", nullable=False),
    ):
        op.add_column("users", column)
    for column in (
        sa.Column("kind", sa.String(length=20), server_default="api", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("verifier", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
    ):
        op.add_column("tokens", column)
    for name in ("started_at", "bytes"):
        op.add_column("exports", sa.Column(name, sa.BigInteger(), nullable=True))


def _quotas() -> None:
    for name, columns, owner in (
        ("quota_windows", ("began", "used"), [sa.ForeignKeyConstraint(["space"], ["spaces.number"])]),
        ("quota_buckets", ("level", "at"), []),  # space 0 is the server itself
    ):
        op.create_table(
            name,
            sa.Column("space", _number, autoincrement=False, nullable=False),
            sa.Column("name", sa.String(length=100), nullable=False),
            sa.Column("subject", sa.String(length=100), nullable=False),
            *(sa.Column(column, sa.BigInteger(), nullable=False) for column in columns),
            *owner,
            sa.PrimaryKeyConstraint("space", "name", "subject"),
        )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", _number, nullable=False),
        sa.Column("space", _number, nullable=False),
        sa.Column("app_id", sa.String(length=100), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("user", _number, nullable=True),
        sa.Column("token", _number, nullable=True),
        sa.Column("who", sa.String(length=320), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.ForeignKeyConstraint(["user"], ["users.number"]),
        sa.ForeignKeyConstraint(["token"], ["tokens.number"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("audit_by_space", "audit", ["space", "number"])
    if op.get_bind().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{what.lower()} BEFORE {what} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )


def _idempotency() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("space", _number, autoincrement=False, nullable=False),
        sa.Column("user", _number, autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("export", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["space"], ["spaces.number"]),
        sa.ForeignKeyConstraint(["user"], ["users.number"]),
        sa.ForeignKeyConstraint(["export"], ["exports.id"]),
        sa.PrimaryKeyConstraint("space", "user", "key"),
    )
    op.create_index("idempotency_keys_by_age", "idempotency_keys", ["space", "user", "created_at"])
