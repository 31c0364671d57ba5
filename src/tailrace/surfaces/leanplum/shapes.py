"""Sessions as the dialect shows them: nested in JSON, in CSV six tables, which call some things by other names."""

from tailrace.model.export import Format
from tailrace.model.rows import Column, KinTable, Nest

STEM = "export-{app}-{unique}-output"


def nest(format_: Format, *, whole_sessions: bool) -> Nest:
    """The tables of a format."""
    return Nest(NESTED if format_ == "json" else TABLES, STEM, whole_sessions)


def _same(**named: str) -> tuple[Column, ...]:
    """Columns that show a field as it is."""
    return tuple(Column(name, (source,)) for name, source in named.items())


def _seconds(name: str, source: str) -> Column:
    return Column(name, (source,), "seconds")


_PLACE = (Column("lat", ("latitude",), "digits"), Column("lon", ("longitude",), "digits"))
_SOURCES = _same(
    sourcePublisherId="source_publisher_id",
    sourcePublisher="source_publisher",
    sourceSubPublisher="source_sub_publisher",
    sourceSite="source_site",
    sourceCampaign="source_campaign",
    sourceAdGroup="source_ad_group",
    sourceAd="source_ad",
)
_IS_SESSION = Column("isSession", ("is_background",), "opposite")
_USER_ID = Column("userId", ("session_user_id", "actor"))

SESSION = (
    *_same(sessionId="session_key"),
    _IS_SESSION,
    *_same(isDeveloper="had_tester"),
    _USER_ID,
    *_same(deviceId="device_id", userBucket="user_bucket"),
    _seconds("time", "session_start"),
    _seconds("duration", "session_duration_ms"),
    _seconds("firstRun", "first_seen"),
    _seconds("priorTimeSpentInApp", "prior_duration_ms"),
    *_same(priorEvents="prior_events", priorSessions="prior_sessions", priorStates="prior_states"),
    *_same(country="country", region="region", city="city"),
    *_PLACE,
    *_same(locale="locale", timezone="timezone"),
    Column("timezoneOffsetSeconds", ("timezone_offset_ms",), "whole"),
    *_same(appVersion="app_version", client="platform", sdkVersion="sdk_version"),
    *_same(systemName="os_name", systemVersion="os_version", deviceModel="device_model"),
    *_same(browserName="browser_name", browserVersion="browser_version"),
    *_SOURCES,
    Column("userAttributes", ("user_attributes",), "texts"),
    *_same(experiments="experiment_list", states="states"),
)
STATE = (
    *_same(stateId="state_key", name="state_name"),
    _seconds("time", "time"),
    _seconds("duration", "duration_ms"),
    *_same(info="info"),
    _seconds("timeUntilFirstForUser", "until_first_ms"),
    *_same(parameters="params", events="state_events"),
)
EVENT = (
    *_same(eventId="number", name="event"),
    _seconds("time", "time"),
    Column("value", ("value",), "zero"),
    *_same(info="info"),
    _seconds("timeUntilFirstForUser", "until_first_ms"),
    *_same(parameters="params"),
)
EXPERIMENT = _same(id="experiment_id", variantId="variant_id", impressed="impressed")

NESTED = (
    KinTable("", "session", SESSION),
    KinTable("states", "state", STATE),
    KinTable("events", "event", EVENT),
    KinTable("experiments", "experiment", EXPERIMENT),
)

TABLES = (
    KinTable(
        "sessions",
        "session",
        (
            *_same(sessionId="session_key"),
            _USER_ID,
            *_same(userBucket="user_bucket"),
            _seconds("userStart", "first_seen"),
            *_same(country="country", region="region", city="city"),
            _seconds("start", "session_start"),
            _seconds("duration", "session_duration_ms"),
            *_PLACE,
            *_same(locale="locale", timezone="timezone"),
            Column("timezoneOffset", ("timezone_offset_ms",), "whole"),
            *_same(appVersion="app_version", client="platform", sdkVersion="sdk_version"),
            *_same(osName="os_name", osVersion="os_version", deviceModel="device_model"),
            *_same(browserName="browser_name", browserVersion="browser_version", deviceId="device_id"),
            *_same(priorEvents="prior_events", priorSessions="prior_sessions"),
            _seconds("priorTimeSpentInApp", "prior_duration_ms"),
            *_same(priorStates="prior_states", isDeveloper="had_tester"),
            _IS_SESSION,
            *_SOURCES,
        ),
    ),
    KinTable(
        "states",
        "state",
        (
            *_same(stateId="state_key", sessionId="session_key", stateName="state_name"),
            _seconds("start", "time"),
            _seconds("duration", "duration_ms"),
            *_same(info="info"),
            _seconds("timeUntilFirstForUser", "until_first_ms"),
        ),
    ),
    KinTable(
        "events",
        "event",
        (
            *_same(eventId="number", stateId="state_key", sessionId="session_key", eventName="event"),
            _seconds("start", "time"),
            Column("value", ("value",), "zero"),
            *_same(info="info"),
            _seconds("timeUntilFirstForUser", "until_first_ms"),
        ),
    ),
    KinTable("eventparameters", "param", _same(eventId="owner_key", name="member_name", value="member_value")),
    KinTable("userattributes", "attribute", _same(sessionId="session_key", name="member_name", value="member_value")),
    KinTable(
        "experiments",
        "experiment",
        _same(experimentId="experiment_id", sessionId="session_key", variantId="variant_id"),
    ),
)
