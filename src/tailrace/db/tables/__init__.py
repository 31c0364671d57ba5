"""Every table, whichever part of the store it belongs to."""

from tailrace.db.tables.accounts import apps, audit, limits, quota_buckets, quota_windows, spaces, store, tokens, users
from tailrace.db.tables.base import INBOX, META, owned, owner
from tailrace.db.tables.data import (
    actors,
    app_heads,
    carry,
    catalogue,
    commits,
    id_runs,
    joins,
    profiles,
    segments,
    sessions,
    shards,
)
from tailrace.db.tables.exports import export_files, export_parts, exports, idempotency_keys, jobs, lane_turns
from tailrace.db.tables.inbox import dead_letters, inbox, inbox_heads

__all__ = [
    "INBOX",
    "META",
    "actors",
    "app_heads",
    "apps",
    "audit",
    "carry",
    "catalogue",
    "commits",
    "dead_letters",
    "export_files",
    "export_parts",
    "exports",
    "id_runs",
    "idempotency_keys",
    "inbox",
    "inbox_heads",
    "jobs",
    "joins",
    "lane_turns",
    "limits",
    "owned",
    "owner",
    "profiles",
    "quota_buckets",
    "quota_windows",
    "segments",
    "sessions",
    "shards",
    "spaces",
    "store",
    "tokens",
    "users",
]
