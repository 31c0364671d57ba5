"""What a request says of device, place and app, which all its records have in common: the session's fields."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tailrace.ingest.rows import fitting

METRICS: Mapping[str, str] = {
    "_os": "os_name",
    "_os_version": "os_version",
    "_device": "device_model",
    "_manufacturer": "device_manufacturer",
    "_resolution": "screen_resolution",
    "_app_version": "app_version",
    "_locale": "locale",
    "_store": "install_source",
    "_browser": "browser_name",
    "_browser_version": "browser_version",
    "_ua": "user_agent",
}
"""Metrics, and the session's fields that they fill."""

COMMON: Mapping[str, str] = {
    "sdk_name": "sdk_name",
    "sdk_version": "sdk_version",
    "av": "app_version",
    "city": "city",
    "ip_address": "ip",
    "campaign_id": "source_campaign",
}
"""Other members of a request, and the session's fields that they fill."""

_TYPES = ("desktop", "mobile", "tablet", "robot")
_DERIVED = ("hour", "dow")  # the time once more, as the time zone shows it
_WEB = "javascript_native_web"


def session_of(members: dict[str, Any], context: Mapping[str, Any]) -> Mapping[str, Any]:
    """The session's fields of a request's common members; what has no field becomes a property under its name.

    The context has the sender's `user_agent`, for a request that does not say it itself.
    """
    left = {name: value for name, value in members.items() if name not in _DERIVED}
    place = _place(left)
    metrics = object_in(left.get("metrics"))
    if metrics is not None:
        del left["metrics"]
        place |= _device_type(metrics)
    session: dict[str, Any] = {"user_agent": context.get("user_agent")}
    session |= renamed(left, COMMON) | renamed(metrics or {}, METRICS)
    properties = _others(left, COMMON) | _others(metrics or {}, METRICS)
    return session | place | {"platform": _platform(session), "properties": properties or None}


def address_of(members: Mapping[str, Any], context: Mapping[str, Any]) -> str | None:
    """The sender's address; None where the user does not want to be located, which an empty location says."""
    return None if members.get("location") == "" else context.get("address")


def object_in(value: Any) -> dict[str, Any] | None:
    """A JSON object, or one that stands in a string; None where there is none."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def renamed(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The members that have a field, by field; one that is empty says nothing."""
    return {names[name]: value for name, value in given.items() if name in names and value != ""}


def _others(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


def _place(members: dict[str, Any]) -> dict[str, Any]:
    """Coordinates, country and time zone, taken out of the members where they can be read."""
    place: dict[str, Any] = {}
    country = members.get("country_code")
    if isinstance(country, str) and len(country) == 2:
        place["country"] = members.pop("country_code").upper()
    minutes = fitting(members.get("tz"), int)
    if minutes is not None:
        place["timezone_offset_ms"] = minutes * 60_000
        del members["tz"]
    found = [fitting(part.strip(), float) for part in str(members.get("location")).split(",")]
    if len(found) == 2 and None not in found:
        place["latitude"], place["longitude"] = found
        del members["location"]
    return place


def _device_type(metrics: dict[str, Any]) -> dict[str, Any]:
    """The type of device, taken out of the metrics where it is one of ours."""
    found = str(metrics.get("_device_type")).lower()
    if found not in _TYPES:
        return {}
    del metrics["_device_type"]
    return {"device_type": found}


def _platform(session: Mapping[str, Any]) -> str | None:
    if session.get("sdk_name") == _WEB:
        return "web"
    system = session.get("os_name")
    return system.lower() if isinstance(system, str) else None
