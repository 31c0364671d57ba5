"""Rules that every table keeps to."""

from sqlalchemy import ForeignKey, Table

from tailrace.db.tables import INBOX, META

TABLES = [*META.tables.values(), *INBOX.tables.values()]


def targets(table: Table, column: str) -> set[str]:
    """What a column points to."""
    keys: set[ForeignKey] = table.c[column].foreign_keys
    return {key.target_fullname for key in keys}


def test_every_table_of_an_app_names_its_space() -> None:
    """Design 4.21: where there is an app there is its space, and neither may be absent."""
    with_app = [table for table in TABLES if "app" in table.c]
    assert len(with_app) > 10
    for table in with_app:
        assert "space" in table.c, table.name
        assert not table.c.app.nullable, table.name
        assert not table.c.space.nullable, table.name


def test_metadata_points_to_real_spaces_and_apps() -> None:
    """No row of the metadata can belong to an app that does not exist; the inbox may be a file of its own."""
    for table in META.tables.values():
        if "app" in table.c:
            assert targets(table, "app") == {"apps.number"}, table.name
            assert targets(table, "space") == {"spaces.number"}, table.name
    for table in INBOX.tables.values():
        assert table.foreign_keys == set(), table.name


def test_the_two_parts_share_no_name() -> None:
    """On PostgreSQL both live in one database."""
    assert META.tables.keys().isdisjoint(INBOX.tables)


def test_numbers_are_wide() -> None:
    """What counts rows, bytes, positions or milliseconds has 64 bits: instants alone do not fit 32."""
    wide = {
        "position",
        "seq",
        "available_at",
        "start",
        "end",
        "events",
        "first_event",
        "min_time",
        "raw_bytes",
        "fence",
    }
    for table in TABLES:
        for column in table.c:
            if column.name in wide:
                assert column.type.python_type is int, f"{table.name}.{column.name}"
                assert "BIGINT" in str(column.type).upper(), f"{table.name}.{column.name}"
