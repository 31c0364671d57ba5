"""Exports: submit, plan, run, assemble, status, verify."""
