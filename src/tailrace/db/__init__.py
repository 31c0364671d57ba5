"""The metadata database: engines, tables, migrations."""
