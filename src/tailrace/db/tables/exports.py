"""Exports, their files, and jobs."""

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
    false,
)

from tailrace.db.tables.base import META, Number

exports = Table(
    "exports",
    META,
    Column("id", String(40), primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("token", ForeignKey("tokens.number")),
    Column("request", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("snapshot", BigInteger),
    Column("after_seq", BigInteger),
    Column("upto_seq", BigInteger),
    Column("complete_through", BigInteger),
    Column("slices", Integer),
    Column("slices_done", Integer, nullable=False, default=0),
    Column("error", Text),
    Column("manifest", Text),
    Column("bytes", BigInteger),
    Column("expires_at", BigInteger),
    Column("ahead", Boolean, nullable=False, server_default=false()),
    Index("exports_by_space", "space", "state"),
    Index("exports_by_age", "space", "id"),
    Index("exports_by_expiry", "app", "state", "expires_at"),
)

# What a client's key was used for. `digest` is that of what it sent with the key the first time.
idempotency_keys = Table(
    "idempotency_keys",
    META,
    Column("space", ForeignKey("spaces.number"), primary_key=True, autoincrement=False),
    Column("user", ForeignKey("users.number"), primary_key=True, autoincrement=False),
    Column("key", String(255), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("export", ForeignKey("exports.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("idempotency_keys_by_age", "space", "user", "created_at"),
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
    Column("downloads", BigInteger, nullable=False, server_default="0"),
    Index("export_files_by_object", "app", "object"),
    Index("export_files_by_name", "app", "name"),
)

# Numbers by which dialects call exports; each dialect has a series of its own, told apart by its name.
export_numbers = Table(
    "export_numbers",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("series", String(20), nullable=False),
    Column("export", ForeignKey("exports.id"), nullable=False, unique=True),
)

# Windows that were named to somebody who had asked for too much: inside [start, end) what is no longer than `width`
# (ms) is not refused for its size. `filters` is the digest of those that were asked with.
window_grants = Table(
    "window_grants",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("width", BigInteger, nullable=False),
    Column("filters", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("window_grants_by_app", "app", "start"),
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
