"""Rows as the document lists their fields: a row per event, sixteen columns, in its order."""

from tailrace.model.rows import Column, RowShape

DEVICE_ID = "deviceId"  # of the entry of `deviceIdentifiers` that every SDK fills


def rows(decimals: int) -> RowShape:
    """A row per event; coordinates keep so many decimals."""
    return RowShape(
        columns=(
            Column("sessionTimestamp", ("session_start",), "ms"),
            Column("appVersion", ("app_version",)),
            Column("sessionDuration", ("session_duration_ms",)),
            Column("eventOffset", ("session_offset_ms",)),
            Column("deviceIdentifiers", ("device_ids", "device_id"), "entry", key=DEVICE_ID),
            Column("deviceModel", ("device_model",)),
            Column("deviceSubModel", ("device_submodel",)),
            Column("countryISO", ("country",)),
            Column("eventName", ("event",)),
            Column("eventParameters", ("params",), "texts"),
            Column("userId", ("user_id", "session_user_id")),
            Column("gender", ("gender",)),
            Column("birthYear", ("birth_year",)),
            Column("latitude", ("latitude",), "cut", decimals=decimals),
            Column("longitude", ("longitude",), "cut", decimals=decimals),
            Column("sessionProperties", ("session_properties",), "texts"),
        ),
        row="event",
        root="events",
        nulls=True,
        whole_sessions=True,
    )
