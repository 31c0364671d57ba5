"""Deliveries, what became of each attempt, and destinations that are kept for them.

`target` is JSON without secrets; secrets are in `sealed`, encrypted with a key that is not in the database. `shown` is
what people see of the target.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from tailrace.db.tables.base import META, Number

# `message` is what receivers know a delivery by: a replay has that of the delivery that it repeats. `began_at` is when
# its job was made, `copied` JSON of what a copy to S3 has brought there.
deliveries = Table(
    "deliveries",
    META,
    Column("number", Number, primary_key=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("export", ForeignKey("exports.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("destination", String(100), nullable=False),
    Column("shown", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("message", String(40), nullable=False),
    Column("replay_of", String(40)),
    Column("created_at", BigInteger, nullable=False),
    Column("began_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("copied", Text),
    Column("error", Text),
    Index("deliveries_by_export", "export", "number"),
)

# The log: an attempt of a delivery, from `at` on for `ms`, and what came of it.
delivery_attempts = Table(
    "delivery_attempts",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("app", ForeignKey("apps.number"), nullable=False),
    Column("delivery", ForeignKey("deliveries.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("ms", Integer, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("why", Text),
    Index("delivery_attempts_by_delivery", "delivery", "number"),
)

destinations = Table(
    "destinations",
    META,
    Column("number", Number, primary_key=True),
    Column("space", ForeignKey("spaces.number"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("shown", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Index("destinations_by_name", "space", "name", unique=True),
)

# Who wants no mail of a space.
mail_refusals = Table(
    "mail_refusals",
    META,
    Column("space", ForeignKey("spaces.number"), primary_key=True, autoincrement=False),
    Column("address", String(320), primary_key=True),
    Column("at", BigInteger, nullable=False),
)
