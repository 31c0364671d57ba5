"""The store itself; spaces, apps, users, tokens; what they may and what they did."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from tailrace.db.tables.base import META, Number

store = Table(
    "store",
    META,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)


spaces = Table(
    "spaces",
    META,
    Column("number", Number, primary_key=True),
    Column("id", String(100), nullable=False, unique=True),
    Column("weight", Integer, nullable=False, server_default="1"),
)

apps = Table(
    "apps",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("id", String(100), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("api_key", String(200), unique=True),
    Column("write_key", String(200), unique=True),
    Column("export_key_hash", LargeBinary(32), unique=True),
)

users = Table(
    "users",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("email", String(320), nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text),
    Column("one_time", Boolean, nullable=False, default=False),
    Column("kind", String(20), nullable=False, server_default="person"),
    Column("apps", Text, nullable=False, server_default='["*"]'),
    Column("created_at", BigInteger, nullable=False, server_default="0"),
    Column("disabled_at", BigInteger),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("locked_until", BigInteger, nullable=False, server_default="0"),
    Column("withheld", Text, nullable=False, server_default="[]"),
    UniqueConstraint("space", "email"),
)

tokens = Table(
    "tokens",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("user", ForeignKey("users.number"), nullable=False),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("apps", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("kind", String(20), nullable=False, server_default="api"),
    Column("name", Text, nullable=False, server_default=""),
    Column("verifier", Text),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("used_at", BigInteger),
    Index("tokens_by_user", "user", "kind"),
)

limits = Table(
    "limits",
    META,
    Column("name", String(100), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Limits of single tokens, where they are not those of everybody.
token_limits = Table(
    "token_limits",
    META,
    Column("token", ForeignKey("tokens.number"), primary_key=True, autoincrement=False),
    Column("name", String(100), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Which app a token that sees several means where a dialect has no word for apps.
default_apps = Table(
    "default_apps",
    META,
    Column("space", ForeignKey("spaces.number"), primary_key=True, autoincrement=False),
    Column("dialect", String(20), primary_key=True),
    Column("app", ForeignKey("apps.number"), nullable=False),
)

# How much of a limit is used up in a window of time that began at `began`; who is meant stands in `subject`.
quota_windows = Table(
    "quota_windows",
    META,
    Column("space", ForeignKey("spaces.number"), primary_key=True, autoincrement=False),
    Column("name", String(100), primary_key=True),
    Column("subject", String(100), primary_key=True),
    Column("began", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
)

# Token buckets: how full one was at an instant, in sixty-thousandths of a token. Space 0 is the server itself: who
# knocks at its door has no space yet.
quota_buckets = Table(
    "quota_buckets",
    META,
    Column("space", Number, primary_key=True, autoincrement=False),
    Column("name", String(100), primary_key=True),
    Column("subject", String(100), primary_key=True),
    Column("level", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# Who did what. Triggers of the database refuse to change or delete a row. `who` is the e-mail of the time, so that a
# row says the same for ever; `detail` is JSON.
audit = Table(
    "audit",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app_id", String(100)),
    Column("at", BigInteger, nullable=False),
    Column("user", ForeignKey("users.number")),
    Column("token", ForeignKey("tokens.number")),
    Column("who", String(320), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", Text, nullable=False),
    Column("address", String(60), nullable=False),
    Column("detail", Text, nullable=False),
    Index("audit_by_space", "space", "number"),
)
