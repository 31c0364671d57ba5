"""Commits, segments and what sealing keeps."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from tailrace.db.tables.base import META, Number

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
    Column("events", BigInteger, nullable=False, server_default="0"),
    Column("sessions", BigInteger, nullable=False, server_default="0"),
    Column("states", BigInteger, nullable=False, server_default="0"),
    Column("duration_ms", BigInteger, nullable=False, server_default="0"),
    Column("names", LargeBinary),
    Column("profiled", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("app", "number"),
)

profiles = Table(
    "profiles",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("actor", LargeBinary(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", Text),
    Column("profile", Text, nullable=False),
)
# Partial, since devices without a user id are many; with the actor, or SQLite would rather read all profiles of an app.
Index(
    "profiles_by_user",
    *(profiles.c.app, profiles.c.user_id, profiles.c.actor),
    sqlite_where=profiles.c.user_id.is_not(None),
    postgresql_where=profiles.c.user_id.is_not(None),
)

profile_edits = Table(
    "profile_edits",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("actor", LargeBinary(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("edit", Text, nullable=False),
)

joins = Table(
    "joins",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("actor", LargeBinary(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(16), nullable=False),
    Index("joins_by_root", "app", "root"),
)

catalogue = Table(
    "catalogue",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("name", Text, nullable=False),
    Column("blocked", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("app", "kind", "name"),
)
