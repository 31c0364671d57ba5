"""The canonical schema: every field that is stored, and so every field that any dialect can show.

Two grains: a *session* field is stored once per fragment, an *event* field once per event. Fields are only ever
added, never retyped or removed; `SCHEMA_VERSION` grows with each addition. `docs/fields.md` maps dialects to them.
"""

from typing import Literal

from msgspec import Struct

SCHEMA_VERSION = 1

# `any` is the JSON text of a value of any type: a parameter as a column. `map` is the text of a JSON object that is a
# list of names and values. `members` is the text of members of a JSON object without its braces, which are the row's
# own. No canonical field has any of them.
Kind = Literal["text", "int", "float", "bool", "time", "json", "any", "map", "members"]
Grain = Literal["session", "event"]

# The rooms that make a value; any other source is a path of the native record.
STEPS = ("accept", "seal", "profiles", "commit", "scan")
# Units that the name does not say; a name that ends in _ms says milliseconds.
_UNITS = {
    "amount": "`currency`",
    "amount_usd": "USD",
    "usd_rate": "USD per unit of `currency`",
    "latitude": "degrees",
    "longitude": "degrees",
}


class Field(Struct, frozen=True):
    """One canonical field.

    `source` says where its value comes from: a path of the native record (``event``, ``session.country``), or the
    room that makes it (one of `STEPS`). Times are milliseconds UTC inside and ISO 8601 text in row formats; `json` is
    the text of a JSON value. With `always` no row is without a value.
    """

    name: str
    kind: Kind
    grain: Grain
    source: str
    what: str
    always: bool = False

    @property
    def derived(self) -> bool:
        """Whether reading a segment makes it, rather than a stored column of its own."""
        return self.source in ("commit", "scan")

    @property
    def sent(self) -> bool:
        """Whether the source is a path of the native record."""
        return self.source not in STEPS

    @property
    def unit(self) -> str:
        """Its unit; empty for what has none."""
        return _UNITS.get(self.name, "ms" if self.name.endswith("_ms") else "")


def _event(name: str, kind: Kind, source: str, what: str) -> Field:
    return Field(name, kind, "event", source, what)


def _session(name: str, kind: Kind, source: str, what: str) -> Field:
    return Field(name, kind, "session", source, what)


EVENT_FIELDS: tuple[Field, ...] = (
    _event("id", "text", "id", "The sender's message id, else 32 hex digits made from the record's content."),
    _event("event", "text", "event", "Event name."),
    _event("time", "time", "time", "When it happened; the received time where the sender gave none."),
    _event("received_at", "time", "accept", "When the server took it in."),
    _event("user_id", "text", "user_id", "The sender's id of the logged-in user."),
    _event("params", "json", "params", "Event parameters, a JSON object as it was sent."),
    _event("kind", "text", "kind", "What sort of event: one of the documented kinds; none means track."),
    _event("value", "float", "value", "The one number that an event is about."),
    _event("info", "text", "info", "The one text that an event is about."),
    _event("duration_ms", "int", "duration_ms", "How long it lasted."),
    _event("level", "int", "level", "The user's level when it happened."),
    _event("is_tester", "bool", "is_tester", "The user was a tester or developer when it happened."),
    _event("is_cheater", "bool", "is_cheater", "The user was marked a cheater when it happened."),
    _event("is_paying", "bool", "is_paying", "The user had paid when it happened."),
    _event("amount", "float", "amount", "Money it brought, in its own currency; a refund is negative."),
    _event("currency", "text", "currency", "Currency of that money, ISO 4217."),
    _event("amount_usd", "float", "amount_usd", "The same in US dollars at the rate of its receipt."),
    _event("usd_rate", "float", "accept", "The exchange rate that was used; none where the sender gave US dollars."),
    _event("state", "text", "state", "Name of the state or screen in which it happened."),
    _event("state_id", "text", "state_id", "Id of the event of kind state or screen in which it happened."),
    _event("until_first_ms", "int", "profiles", "On a user's first event of this name: how long after `first_seen`."),
    _event("page_id", "text", "page.id", "Id of the page view that holds it."),
    _event("page_url", "text", "page.url", "Address of the page."),
    _event("page_referrer", "text", "page.referrer", "Address that led to the page."),
    _event("page_title", "text", "page.title", "Title of the page."),
    _event("page_duration_ms", "int", "page.duration_ms", "How long the page was open."),
    _event("page_active_ms", "int", "page.active_ms", "How long the page was used."),
    _event("page_infos", "int", "page.infos", "Console messages on the page so far."),
    _event("page_warnings", "int", "page.warnings", "Console warnings on the page so far."),
    _event("page_errors", "int", "page.errors", "Console errors on the page so far."),
    _event("page_cluster", "int", "page.cluster", "Group of like pages."),
    _event("page_dom_content_ms", "int", "page.dom_content_ms", "From navigation to DOM content loaded."),
    _event("page_first_paint_ms", "int", "page.first_paint_ms", "From navigation to first paint."),
    _event("page_load_ms", "int", "page.load_ms", "From navigation to load."),
    _event("page_properties", "json", "page.properties", "The app's own properties of the page, an object."),
    _event("element_text", "text", "element.text", "Text of the element that was used."),
    _event("element_selector", "text", "element.selector", "Selector tokens of the element, from the root down."),
    _event("signal_frustrated", "int", "signals.frustrated", "Running count of frustrated clicks."),
    _event("signal_dead", "int", "signals.dead", "1: a click without effect."),
    _event("signal_error", "int", "signals.error", "1: a click that made an error."),
    _event("signal_suspicious", "int", "signals.suspicious", "1: a suspicious click."),
    _event("client_time", "time", "time", "The time as the sender gave it, before any correction."),
    _event("sent_at", "time", "sent_at", "When the sender says that it sent the batch."),
    _event(
        "flags",
        "int",
        "accept",
        "Bits that say what accept had to change: 1 no time was given, 2 a name or id was mended, 4 the clock was "
        "corrected, 8 the time could not be.",
    ),
    _event("session_offset_ms", "int", "scan", "From the session's start; negative for a late event before it."),
    _event("available_at", "time", "commit", "When it became visible to exports."),
    _event("number", "int", "commit", "Dense number of the event in its app, from 0, kept for ever."),
)

SESSION_FIELDS: tuple[Field, ...] = (
    _session("session_id", "text", "session_id", "The sender's session id, else 32 hex digits made at seal."),
    _session("device_id", "text", "device_id", "Device or anonymous id."),
    _session("session_user_id", "text", "seal", "The last user id that the fragment's events carry."),
    _session("actor", "text", "accept", "Whose events these are: the device or anonymous id, else the user id."),
    _session("session_start", "time", "seal", "Time of the session's first event, fixed when it is first sealed."),
    _session("session_end", "time", "seal", "Time of the last event known when the fragment was sealed."),
    _session("session_duration_ms", "int", "seal", "From start to end as known when the fragment was sealed."),
    _session("fragment", "int", "seal", "Which part of its session this is; late events make fragments 1, 2, …"),
    _session("is_background", "bool", "session.is_background", "Sent by a server or in the background: nobody looked."),
    _session("app_version", "text", "session.app_version", "Version name of the app."),
    _session("app_build", "text", "session.app_build", "Build of the app."),
    _session("sdk_name", "text", "session.sdk_name", "What sent the events."),
    _session("sdk_version", "text", "session.sdk_version", "Its version."),
    _session("platform", "text", "session.platform", "ios, android, web or another platform."),
    _session("os_name", "text", "session.os_name", "Operating system."),
    _session("os_version", "text", "session.os_version", "Its version."),
    _session("device_manufacturer", "text", "session.device_manufacturer", "Who made the device."),
    _session("device_model", "text", "session.device_model", "Marketing name of the device."),
    _session("device_submodel", "text", "session.device_submodel", "Model code of the device."),
    _session("device_type", "text", "session.device_type", "desktop, mobile, tablet or robot."),
    _session("screen_resolution", "text", "session.screen_resolution", "Screen resolution, such as 1170x2532."),
    _session("browser_name", "text", "session.browser_name", "Browser."),
    _session("browser_version", "text", "session.browser_version", "Its version."),
    _session("user_agent", "text", "session.user_agent", "User agent as sent."),
    _session("locale", "text", "session.locale", "Locale, such as en_US."),
    _session("timezone", "text", "session.timezone", "IANA time zone of the device."),
    _session("timezone_offset_ms", "int", "session.timezone_offset_ms", "Its offset from UTC."),
    _session("country", "text", "session.country", "ISO 3166 country, two letters."),
    _session("region", "text", "session.region", "Region or state."),
    _session("city", "text", "session.city", "City."),
    _session("latitude", "float", "session.latitude", "Latitude in degrees."),
    _session("longitude", "float", "session.longitude", "Longitude in degrees."),
    _session("ip", "text", "session.ip", "Address of the sender as policy lets it be kept."),
    _session("device_ids", "json", "session.device_ids", "Further ids of the device: object of kind -> id."),
    _session("session_properties", "json", "session.properties", "The app's own session properties, an object."),
    _session("experiments", "json", "session.experiments", "Array of {id, variant_id, impressed}."),
    _session("install_source", "text", "session.install_source", "What installed the app."),
    _session("source_channel", "text", "session.source_channel", "Channel that brought the user."),
    _session("source_publisher_id", "text", "session.source_publisher_id", "Id of the publisher."),
    _session("source_publisher", "text", "session.source_publisher", "Publisher that brought the user."),
    _session("source_sub_publisher", "text", "session.source_sub_publisher", "Sub-publisher or agency."),
    _session("source_site", "text", "session.source_site", "Site or app that showed the ad."),
    _session("source_campaign", "text", "session.source_campaign", "Campaign."),
    _session("source_ad_group", "text", "session.source_ad_group", "Ad group."),
    _session("source_ad", "text", "session.source_ad", "Ad or banner."),
    _session("source_keyword", "text", "session.source_keyword", "Search words that led here."),
    _session("source_placement", "text", "session.source_placement", "Where the ad stood."),
    _session("user_name", "text", "profile.name", "The user's name to show."),
    _session("user_email", "text", "profile.email", "The user's e-mail address."),
    _session("gender", "text", "profile.gender", "Gender as the app gave it."),
    _session("birth_year", "int", "profile.birth_year", "Year of birth."),
    _session("profile", "json", "profile", "What the fragment's events said of their user, merged, an object."),
    _session("first_seen", "time", "seal", "When the actor's first event happened, as known at the first seal."),
    _session("registered_at", "time", "profiles", "When the user registered: as the profile says, else `first_seen`."),
    _session("user_attributes", "json", "profiles", "The user's attributes as of this row, an object."),
    _session("prior_events", "int", "profiles", "Events of the user that were sealed before this row."),
    _session("prior_sessions", "int", "profiles", "Sessions of the user that were sealed before this row."),
    _session("prior_states", "int", "profiles", "States of the user that were sealed before this row."),
    _session("prior_duration_ms", "int", "profiles", "Time in sessions of the user sealed before this row."),
    _session("user_number", "int", "seal", "Number of the actor in its app, from 1, kept for ever."),
    _session("session_number", "int", "commit", "Dense number of the session's first fragment in its app, from 0."),
)

FIELDS: dict[str, Field] = {field.name: field for field in EVENT_FIELDS + SESSION_FIELDS}

SESSION_INPUTS: tuple[Field, ...] = tuple(field for field in SESSION_FIELDS if field.source.startswith("session."))
PROFILE_INPUTS: tuple[Field, ...] = tuple(field for field in SESSION_FIELDS if field.source.startswith("profile."))

# Columns that a store numbers by itself, or that say what it had sealed before a row: two stores with the same events
# may differ in them, so they come on request.
_ON_REQUEST = frozenset(
    (
        "available_at",
        "number",
        "session_number",
        "user_number",
        *(n for n, f in FIELDS.items() if f.source == "profiles"),
    )
)

EVENT_ROW_COLUMNS: tuple[str, ...] = (
    *("id", "event", "time", "received_at", "session_id", "user_id", "device_id", "params"),
    *(f.name for f in EVENT_FIELDS if f.name not in ("id", "event", "time", "received_at", "user_id", "params")),
    *(f.name for f in SESSION_FIELDS if f.name not in ("session_id", "device_id")),
)
DEFAULT_EVENT_COLUMNS: tuple[str, ...] = tuple(name for name in EVENT_ROW_COLUMNS if name not in _ON_REQUEST)
