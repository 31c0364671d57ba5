"""Alembic's entry for the inbox tables."""

from tailrace.db.migrations.environment import run
from tailrace.db.tables import INBOX

run(INBOX)
