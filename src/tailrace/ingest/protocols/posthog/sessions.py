"""What the properties of an event say of its session."""

from collections.abc import Mapping
from typing import Any

# Properties that move to a field of the session, in the order in which they are looked for.
_SESSION = {
    "$lib": "sdk_name",
    "$lib_version": "sdk_version",
    "$os": "os_name",
    "$os_version": "os_version",
    "$browser": "browser_name",
    "$browser_version": "browser_version",
    "$raw_user_agent": "user_agent",
    "$app_version": "app_version",
    "$app_build": "app_build",
    "$device_manufacturer": "device_manufacturer",
    "$device_model": "device_model",
    "$locale": "locale",
    "$browser_language": "locale",
    "$timezone": "timezone",
    "$geoip_country_code": "country",
    "$geoip_subdivision_1_name": "region",
    "$geoip_city_name": "city",
    "$geoip_latitude": "latitude",
    "$geoip_longitude": "longitude",
    "$is_server": "is_background",
}
# Properties that a field of the session holds too.
_CAMPAIGN = {
    "utm_source": "source_publisher",
    "utm_medium": "source_channel",
    "utm_campaign": "source_campaign",
    "utm_term": "source_keyword",
    "utm_content": "source_ad",
}


def session_of(params: dict[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """The session of an event with these properties; those that a field holds whole are taken out of them."""
    session: dict[str, Any] = {}
    for name, field in _SESSION.items():
        if name in params and field not in session:
            session[field] = params.pop(name)
    session |= {field: params[name] for name, field in _CAMPAIGN.items() if name in params}
    if isinstance(info := shared.get("sdk"), str) and "sdk_name" not in session:
        session["sdk_name"], _, session["sdk_version"] = info.partition("/")
    if isinstance(kind := params.get("$device_type"), str):
        session["device_type"] = kind.lower()
    width, height = params.get("$screen_width"), params.get("$screen_height")
    if isinstance(width, int) and isinstance(height, int):
        session["screen_resolution"] = f"{width}x{height}"
    if isinstance(west := params.get("$timezone_offset"), int):
        session["timezone_offset_ms"] = -west * 60_000
    session["platform"] = _platform(session)
    session["ip"] = params.pop("$ip", None) or _address(session, params, shared)
    return session


def _platform(session: Mapping[str, Any]) -> str | None:
    system = str(session.get("os_name", "")).lower()
    return "web" if session.get("sdk_name") == "web" else system if system in ("ios", "android") else None


def _address(session: Mapping[str, Any], params: Mapping[str, Any], shared: Mapping[str, Any]) -> str | None:
    """The sender's address where it is the user's, and may be used."""
    elsewhere = session.get("is_background") or params.get("$geoip_disable")
    return None if elsewhere else shared.get("address")
