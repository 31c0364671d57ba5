"""Upkeep: what keeps a store small. It deletes what no row can name any more, and what has had its time."""
