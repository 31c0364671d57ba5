"""Alembic's entry for the meta tables."""

from tailrace.db.migrations.environment import run
from tailrace.db.tables import META

run(META)
