"""Migrations of metadata and inbox."""
