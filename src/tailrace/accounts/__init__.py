"""Spaces, apps, users, tokens and limits."""
