"""Every table. `META` is the truth about data and jobs; `INBOX` is what was accepted and not yet sealed.

On SQLite the two are files of their own, so that acknowledging never waits for a seal; on PostgreSQL one database.
Numbers are for joins, ids are what people see. Every table of tenants' data carries its app (and so its space).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
)

from tailrace.model.access import Scope

# SQLite numbers rows by itself only in a column of exactly this type.
Number = BigInteger().with_variant(Integer(), "sqlite")

META = MetaData()
INBOX = MetaData()

store = Table(
    "store",
    META,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

# --- accounts ---------------------------------------------------------------------------------------------------

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
)

limits = Table(
    "limits",
    META,
    Column("name", String(100), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# --- data -------------------------------------------------------------------------------------------------------

app_heads = Table(
    "app_heads",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("fragments", BigInteger, nullable=False),
    Column("available_at", BigInteger, nullable=False),
    Column("actors", BigInteger, nullable=False),
    Column("floor", BigInteger, nullable=False, server_default="0"),
)

commits = Table(
    "commits",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("available_at", BigInteger, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("fragments", BigInteger, nullable=False),
    Column("total_events", BigInteger, nullable=False),
    Column("total_fragments", BigInteger, nullable=False),
    Index("commits_by_time", "app", "available_at"),
)

segments = Table(
    "segments",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("added_seq", BigInteger, nullable=False),
    Column("removed_seq", BigInteger),
    Column("day", Integer, nullable=False),
    Column("bucket", String(64), nullable=False),
    Column("object", Text, nullable=False),
    Column("key_ref", String(40), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("schema_version", SmallInteger, nullable=False),
    Column("first_event", BigInteger, nullable=False),
    Column("first_fragment", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("min_time", BigInteger, nullable=False),
    Column("max_time", BigInteger, nullable=False),
    Column("min_start", BigInteger, nullable=False),
    Column("max_start", BigInteger, nullable=False),
    Column("statistics", LargeBinary, nullable=False),
    Index("segments_by_seq", "app", "added_seq"),
    Index("segments_by_day", "app", "day"),
    Index("segments_by_object", "app", "object"),
)

shards = Table(
    "shards",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("bits", SmallInteger, nullable=False),
    Column("prefix", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("sealed", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("open_records", BigInteger, nullable=False),
    Column("open_since", BigInteger),
    Column("due_at", BigInteger),
    Column("fence", BigInteger, nullable=False),
    Column("owner", String(100)),
    Column("lease_until", BigInteger, nullable=False),
)

carry = Table(
    "carry",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("records", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

id_runs = Table(
    "id_runs",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("object", Text, nullable=False),
    Column("key_ref", String(40), nullable=False),
    Column("ids", BigInteger, nullable=False),
    Column("newest_at", BigInteger, nullable=False),
    Index("id_runs_by_shard", "app", "shard"),
)

sessions = Table(
    "sessions",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("actor", LargeBinary(16), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("session_id", Text, nullable=False),
    Column("generated", Boolean, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("earliest", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("fragments", Integer, nullable=False),
    Column("segment", BigInteger, nullable=False),
    Index("sessions_by_id", "app", "actor", "session_id"),
    Index("sessions_by_end", "app", "actor", "end"),
)

actors = Table(
    "actors",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("actor", LargeBinary(16), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    UniqueConstraint("app", "number"),
)

catalogue = Table(
    "catalogue",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("app", "kind", "name"),
)

# --- exports and jobs -------------------------------------------------------------------------------------------

exports = Table(
    "exports",
    META,
    Column("id", String(40), primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("token", ForeignKey("tokens.number"), nullable=False),
    Column("request", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("snapshot", BigInteger),
    Column("after_seq", BigInteger),
    Column("upto_seq", BigInteger),
    Column("complete_through", BigInteger),
    Column("slices", Integer),
    Column("slices_done", Integer, nullable=False, default=0),
    Column("error", Text),
    Column("manifest", Text),
    Column("expires_at", BigInteger),
    Index("exports_by_space", "space", "state"),
    Index("exports_by_expiry", "app", "state", "expires_at"),
)

export_files = Table(
    "export_files",
    META,
    Column("export", ForeignKey("exports.id"), primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("name", String(200), primary_key=True),
    Column("object", Text, nullable=False),
    Column("key_ref", String(40), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("media_type", String(100), nullable=False),
    Index("export_files_by_object", "app", "object"),
)

# Finished slices of exports that run. `digest` is that of what made it, `part` its JSON.
export_parts = Table(
    "export_parts",
    META,
    Column("export", ForeignKey("exports.id"), primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("code_version", String(40), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("part", Text, nullable=False),
)

# Defaults stand in the database where a column came later: the release before this one still adds rows.
jobs = Table(
    "jobs",
    META,
    Column("number", Number, primary_key=True),
    Column("lane", String(20), nullable=False),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("subject", String(40), nullable=False),
    Column("state", String(20), nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default="0"),
    Column("not_before", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("outages", Integer, nullable=False, server_default="0"),
    Column("fence", BigInteger, nullable=False),
    Column("owner", String(100)),
    Column("lease_until", BigInteger, nullable=False),
    Column("cancel", Boolean, nullable=False, server_default=false()),
    Column("snapshot", BigInteger),
    Column("code_version", String(40), nullable=False),
    Column("created_at", BigInteger, nullable=False, server_default="0"),
    Column("outcome", String(20)),
    Column("error", Text),
    Index("jobs_by_subject", "app", "lane", "subject", unique=True),
)
Index("jobs_by_turn", jobs.c.lane, jobs.c.state, jobs.c.space, jobs.c.priority.desc(), jobs.c.number)

# Which stretch [began, ended) of a lane's own time the last turn of a space took.
lane_turns = Table(
    "lane_turns",
    META,
    Column("lane", String(20), primary_key=True),
    Column("space", ForeignKey("spaces.number"), primary_key=True, autoincrement=False),
    Column("began", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
)

# --- inbox ------------------------------------------------------------------------------------------------------

inbox_heads = Table(
    "inbox_heads",
    INBOX,
    Column("space", BigInteger, nullable=False),
    Column("app", BigInteger, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
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


def owned(table: Table, scope: Scope) -> ColumnElement[bool]:
    """The rows of one app of one space: the condition that every query on tenants' data begins with."""
    return and_(table.c.space == scope.space, table.c.app == scope.app)


def owner(scope: Scope) -> dict[str, Any]:
    """The columns that make a new row belong to an app."""
    return {"space": scope.space, "app": scope.app}
