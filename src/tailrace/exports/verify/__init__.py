"""Verify: downloaded exports are whole, and a chain of them holds every row exactly once.

It shares no code with what wrote the files.
"""
