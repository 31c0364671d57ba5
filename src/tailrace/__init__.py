"""Tailrace: every acknowledged event comes out exactly once."""

__version__ = "0.1.0.dev0"
