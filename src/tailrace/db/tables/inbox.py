"""What was accepted and is not sealed, and what was rejected."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, Table, Text, UniqueConstraint

from tailrace.db.tables.base import INBOX, Number

inbox_heads = Table(
    "inbox_heads",
    INBOX,
    Column("space", BigInteger, nullable=False),
    Column("app", BigInteger, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False, server_default="0"),
)

inbox = Table(
    "inbox",
    INBOX,
    Column("space", BigInteger, nullable=False),
    Column("app", BigInteger, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("records", Integer, nullable=False),
    Column("min_time", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("raw_bytes", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    INBOX,
    Column("number", Number, primary_key=True),
    Column("space", BigInteger, nullable=False),
    Column("app", BigInteger, nullable=False),
    Column("key", LargeBinary(16), nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("replayed", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("context", Text, nullable=False),
    UniqueConstraint("app", "key"),
)
