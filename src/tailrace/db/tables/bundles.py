"""Series of bundles, and the bundles of each."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, UniqueConstraint

from tailrace.db.tables.base import META, Number

# A series is begun by the first who asks for it, whose token its exports carry. `began` is where its first bundle
# begins, `opens` and `closes` are the bounds of the one that is open now (ms), all null until the app has an event.
# `seq` is the commit at which the last one was closed.
bundle_series = Table(
    "bundle_series",
    META,
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), primary_key=True, autoincrement=False),
    Column("series", String(20), primary_key=True),
    Column("token", ForeignKey("tokens.number"), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("began", BigInteger),
    Column("opens", BigInteger),
    Column("closes", BigInteger),
    Column("seq", BigInteger, nullable=False, server_default="0"),
)

# Closed bundles: bounds in ms, the commits at which the one before and this one were closed. `state` is `making` until
# there is a file, then `there`; one that nothing can be in is there at once and has no export. Rows stay for ever.
bundles = Table(
    "bundles",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("series", String(20), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("stop", BigInteger, nullable=False),
    Column("after_seq", BigInteger, nullable=False),
    Column("upto_seq", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("export", ForeignKey("exports.id"), unique=True),
    Column("release", String(40)),
    Column("rows", BigInteger),
    Column("bytes", BigInteger),
    Column("sha256", String(64)),
    Column("expires_at", BigInteger),
    UniqueConstraint("app", "series", "stop"),
    Index("bundles_by_state", "app", "series", "state", "stop"),
)
