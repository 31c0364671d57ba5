"""Contexts: what a message says of its session."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from tailrace.ingest.agents import agent_of
from tailrace.ingest.protocols.segment.values import Json, filled, object_of, taken, text_of
from tailrace.ingest.rows import fitting

# The fields of a session that are a member of a member of the context, and those that are a member.
INNER: Mapping[str, tuple[str, str]] = {
    "app_version": ("app", "version"),
    "app_build": ("app", "build"),
    "sdk_name": ("library", "name"),
    "sdk_version": ("library", "version"),
    "os_name": ("os", "name"),
    "os_version": ("os", "version"),
    "device_manufacturer": ("device", "manufacturer"),
    "device_model": ("device", "model"),
    "region": ("location", "region"),
    "city": ("location", "city"),
    "latitude": ("location", "latitude"),
    "longitude": ("location", "longitude"),
    "source_campaign": ("campaign", "name"),
    "source_publisher": ("campaign", "source"),
    "source_channel": ("campaign", "medium"),
    "source_keyword": ("campaign", "term"),
    "source_ad": ("campaign", "content"),
    "browser_name": ("browser", "name"),
    "browser_version": ("browser", "version"),
}
PLAIN: Mapping[str, str] = {"locale": "locale", "timezone": "timezone", "user_agent": "userAgent"}
# Members of a message that say how it was sent, which is the same for all of a session.
_MANNER = ("channel", "integrations", "_metadata", "version")
_FORMS = frozenset(("desktop", "mobile", "tablet", "robot"))
# A server is not where the user is; a browser does not name its platform.
_SERVERS = re.compile(r"(@segment/)?analytics-(python|node|go|java|ruby|php)|Analytics\.NET")
_BROWSERS = re.compile(r"(analytics|tailrace)\.js|RudderLabs JavaScript SDK")


def session_id_of(context: Json, integrations: Any) -> str | None:
    """The sender's session: of the context, from which it is taken, else of an integration, where -1 is none."""
    for name in ("sessionId", "session_id"):
        if text_of(context.get(name)):
            return text_of(context.pop(name))
    for settings in object_of(integrations).values():
        for name in ("session_id", "sessionId"):
            if isinstance(settings, dict) and settings.get(name) != -1 and text_of(settings.get(name)):
                return text_of(settings[name])
    return None


def session_of(context: Json, message: Json, address: str) -> Json:
    """What a message says of its session; what no field holds is in its properties, as it came."""
    rest = {name: dict(value) if isinstance(value, dict) else value for name, value in context.items()}
    session = {field: taken(rest, *place) for field, place in INNER.items()}
    session |= {field: rest.pop(name, None) for field, name in PLAIN.items()}
    sdk = text_of(session["sdk_name"]) or ""
    by_server = message.get("channel") == "server" or bool(_SERVERS.fullmatch(sdk))
    session |= _device(rest, sdk) | {
        "country": _country(rest),
        "screen_resolution": _resolution(rest),
        "is_background": True if by_server else None,
        "ip": rest.pop("ip", None) or (None if by_server else address),
    }
    rest |= {name: message.pop(name, None) for name in _MANNER}
    return session | _browser(session) | {"properties": filled(rest) or None}


def _browser(session: Json) -> Json:
    """What a page's user agent says where nothing else does: browsers' libraries say no more of them."""
    user_agent = text_of(session["user_agent"])
    if session["platform"] != "web" or not user_agent:
        return {}
    return {name: value for name, value in asdict(agent_of(user_agent)).items() if not session.get(name)}


def _device(rest: Json, sdk: str) -> Json:
    """Device fields. `type` is a form in browsers and a platform on phones; the platform says what its ids are."""
    kind = (text_of(taken(rest, "device", "type")) or "").lower()
    form = kind if kind in _FORMS else None
    platform = (None if form else kind) or ("web" if _BROWSERS.fullmatch(sdk) else None)
    own, advertising = ("idfv", "idfa") if platform == "ios" else ("id", "advertising_id")
    ids = {own: taken(rest, "device", "id"), advertising: taken(rest, "device", "advertisingId")}
    return {
        "platform": platform,
        "device_type": form,
        "device_ids": {name: text_of(value) for name, value in filled(ids).items()} or None,
    }


def _country(rest: Json) -> str | None:
    """Two letters; the name of a country stays with the rest."""
    code = object_of(rest.get("location")).get("country")
    if not isinstance(code, str) or not re.fullmatch("[A-Za-z]{2}", code):
        return None
    return str(taken(rest, "location", "country")).upper()


def _resolution(rest: Json) -> str | None:
    screen = object_of(rest.get("screen"))
    width, height = (fitting(screen.pop(name, None), int) for name in ("width", "height"))
    if width is None or height is None:
        return None
    rest["screen"] = screen
    return f"{width}x{height}"
