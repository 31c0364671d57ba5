"""Events as bundles hold them: an object each, keys in PascalCase, and what an app has of its own at the top level.

Columns of the session come first: they are the same for many rows, and written once for all of these.
"""

from tailrace.model.rows import Column, RowShape

OF_PAGE = ("page_duration_ms", "page_active_ms")

# Kinds of events that have a type of their own; all others are custom.
TYPES = (
    ("^page$", "navigate"),
    ("^identify$", "uservar"),
    ("^error$", "custom_error"),
    ("^load$", "load"),
    ("^click$", "click"),
    ("^change$", "change"),
    ("^seen$", "seen"),
    ("^thrash$", "thrash"),
    ("^abandon$", "abandon"),
)
_NAMELESS = ("page", "identify", "load", "click", "change", "seen", "thrash", "abandon")

# What browsers, devices and systems are called, in the order in which it is looked for: most browsers also call
# themselves by the names of others.
_ROBOT = (r"\Arobot$", "Robot")
BROWSERS = (
    _ROBOT,
    (r"\bedg(e|a|ios)?\b", "Microsoft Edge"),
    (r"\b(opr|opera)\b", "Opera"),
    (r"\b(yabrowser|yandex)\b", "Yandex"),
    (r"\b(firefox|fxios)\b", "Firefox"),
    (r"\b(msie|trident|internet explorer)\b", "Internet Explorer"),
    (r"\b(chrome|crios|chromium)\b", "Chrome"),
    (r"\bsafari\b", "Safari"),
    (r"^(ios|android)$", "Mobile App"),
)
DEVICES = (
    _ROBOT,
    (r"\Adesktop$", "Desktop"),
    (r"\Amobile$", "Mobile"),
    (r"\Atablet$", "Tablet"),
    (r"\b(ipad|tablet)\b", "Tablet"),
    (r"\b(mobile|iphone|ios|android)\b", "Mobile"),
    (r"\b(windows|macintosh|cros|x11|linux)\b", "Desktop"),
)
SYSTEMS = (
    _ROBOT,
    (r"\b(cros|chrome ?os)\b", "Chrome OS"),
    (r"\bwindows phone\b", "Windows Phone"),
    (r"\bwindows\b", "Windows"),
    (r"\b(iphone|ipad|ipod|ios|ipados)\b", "iOS"),
    (r"\bandroid\b", "Android"),
    (r"\b(macos|mac os( x)?|os x|macintosh|darwin)\b", "OS X"),
    (r"\b(linux|x11|ubuntu|debian|fedora)\b", "Linux"),
)


def rows(decimals: int) -> RowShape:
    """An object per event; coordinates keep so many decimals."""
    return RowShape((*_OF_SESSION, _place(decimals), *_OF_EVENT), of_page=OF_PAGE)


def _place(decimals: int) -> Column:
    return Column("PageLatLong", ("latitude", "longitude"), "pair", decimals=decimals, missing="")


_OF_SESSION = (
    Column("IndvId", ("session_user_id", "user_number"), "hash", missing=0),
    Column("UserId", ("user_number",), missing=0),
    Column("SessionId", ("session_number",), missing=0),
    Column("PageIp", ("ip",), missing=""),
    Column("PageAgent", ("user_agent",), missing=""),
    Column(
        "PageBrowser",
        ("device_type", "browser_name", "user_agent", "platform"),
        "word",
        patterns=BROWSERS,
        missing="Unknown",
    ),
    Column("PageDevice", ("device_type", "user_agent", "platform"), "word", patterns=DEVICES, missing="Unknown"),
    Column(
        "PageOperatingSystem",
        ("device_type", "os_name", "user_agent", "platform"),
        "word",
        patterns=SYSTEMS,
        missing="Unknown",
    ),
    Column("UserAppKey", ("session_user_id",), missing=""),
    Column("UserDisplayName", ("user_name",), missing=""),
    Column("UserEmail", ("user_email",), missing=""),
    Column("user_*", ("user_attributes",), "flat", key="user_"),
)
_OF_EVENT = (
    Column("PageId", ("page_id", "page_url"), "hash", missing=0),
    Column("EventStart", ("time",)),
    Column("EventType", ("kind",), "word", patterns=TYPES, missing="custom"),
    Column("EventCustomName", ("event",), kinds=_NAMELESS, but=True),
    Column("EventTargetText", ("element_text", "element_selector"), "beside"),
    Column("EventTargetSelectorTok", ("element_selector", "element_text"), "beside"),
    Column("EventModFrustrated", ("signal_frustrated",), "nonzero"),
    Column("EventModDead", ("signal_dead",), "nonzero"),
    Column("EventModError", ("signal_error",), "nonzero"),
    Column("EventModSuspicious", ("signal_suspicious",), "nonzero"),
    Column("PageUrl", ("page_url",), missing=""),
    Column("PageRefererUrl", ("page_referrer",), missing=""),
    Column("PageDuration", ("page_duration_ms",), missing=0),
    Column("PageActiveDuration", ("page_active_ms",), missing=0),
    Column("PageNumInfos", ("page_infos",), missing=0),
    Column("PageNumWarnings", ("page_warnings",), missing=0),
    Column("PageNumErrors", ("page_errors",), missing=0),
    Column("PageClusterId", ("page_cluster",)),
    Column("LoadDomContentTime", ("page_dom_content_ms",), kinds=("load",)),
    Column("LoadFirstPaintTime", ("page_first_paint_ms",), kinds=("load",)),
    Column("LoadEventTime", ("page_load_ms",), kinds=("load",)),
    Column("evt_*", ("params",), "flat", key="evt_"),
    Column("page_*", ("page_properties",), "flat", key="page_"),
)
