"""Files as the document lists their columns: for each event what it is made of, and the table of users.

Where the document lists no columns, ours are in docs/devtodev-files.md. Times of events are milliseconds, other
instants whole seconds, durations seconds.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from tailrace.model.predicates import Predicate
from tailrace.model.rows import Column, RowShape
from tailrace.model.standard import STANDARD_KIND
from tailrace.model.tables import Table
from tailrace.surfaces.devtodev.selection import Selected

_ID = Column("devtodev ID", ("user_number",))
_TIME = Column("time", ("time",), "ms")
_DATE = Column("date", ("time",), "ms")
_LEVEL = Column("level", ("level",))
_TESTER = Column("isTester", ("is_tester",), "flag")
_CHEAT = Column("cheat", ("is_cheater",), "flag")
_INSTALLED = Column("install_date", ("registered_at", "first_seen"), "whole")
_USER = (_TESTER, _CHEAT, _INSTALLED)

_STANDARD = Predicate(None, "kind", "eq", (STANDARD_KIND,))
# What is said of users is told by the table of users.
_CUSTOM = Predicate(None, "kind", "neq", (STANDARD_KIND, "identify", "alias"))
# Trials, cancellations and what is known to have cost nothing stand in the table of all subscription events only.
_REVENUE = (
    Predicate("action", None, "eq", ("purchase", "renewal", "refund")),
    Predicate("is_trial", None, "neq", (True,)),
    Predicate(None, "amount", "neq", (0,)),
    Predicate(None, "amount_usd", "neq", (0,)),
)


class _File(Struct, frozen=True):
    """The file of a standard event: which events of ours it holds, and its columns."""

    events: tuple[str, ...]
    columns: tuple[Column, ...]
    where: tuple[Predicate, ...] = ()
    spread: str = ""


def _param(name: str, key: str = "") -> Column:
    return Column(name, ("params",), "member", key=key or name)


def _amounts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, ("params",), "amounts", key=name) for name in names)


def _device_id(name: str, key: str) -> Column:
    return Column(name, ("device_ids",), "member", key=key)


_MONEY = (
    *(_ID, _DATE, _LEVEL, _param("transaction_id"), _param("transaction_name", "product")),
    Column("amount_in_usd", ("amount_usd",)),
)
_SUBSCRIPTION = (*_MONEY, _INSTALLED, _TESTER, _CHEAT)

FILES: Mapping[str, _File] = {
    "lu": _File(("Level Up",), (_ID, _TIME, _LEVEL, *_USER, *_amounts("spent", "earned", "balance", "bought"))),
    "rp": _File(
        ("Payment",),
        (
            *_MONEY,
            Column("status", ("params",), "words", key="valid", words=("invalid", "valid")),
            *(_INSTALLED, _TESTER, _CHEAT),
        ),
    ),
    "tr": _File(("Tutorial Step",), (_ID, _TIME, _LEVEL, _param("step"), *_USER)),
    "ip": _File(
        ("Item Purchased",),
        (
            *(_ID, _TIME, _LEVEL, _param("item_type"), _param("item"), _param("count")),
            *(_CHEAT, _TESTER, _INSTALLED),
        ),
        spread="params.prices",
    ),
    "sc": _File(("Social Connected",), (_ID, _TIME, _LEVEL, _param("social"), *_USER)),
    "sp": _File(("Social Posted",), (_ID, _TIME, _LEVEL, _param("social"), _param("reason"), *_USER)),
    "gs": _File(
        ("Session Started", "Session Active"),
        (
            *(_ID, _TIME, Column("count", ("event",), "equal", key="Session Started")),
            Column("avg_duration", ("duration_ms",), "span"),
            *(_TESTER, _CHEAT, _LEVEL, _INSTALLED),
        ),
    ),
    "uu": _File(
        ("User Updated",), (_ID, Column("logged ip", ("ip",), "masked"), Column("os_version", ("os_version",)))
    ),
    "ud": _File(
        ("User Updated",),
        (
            *(_ID, _device_id("idfa", "idfa"), _device_id("idfv", "idfv")),
            *(_device_id("advertisingId", "advertising_id"), _device_id("androidId", "android_id")),
            _device_id("open_udid", "open_udid"),
        ),
    ),
    "pe": _File(
        ("Progression",),
        (
            *(_ID, _TIME, _LEVEL, _param("location"), _param("success"), _param("prev_location")),
            *(Column("duration", ("duration_ms",), "span"), _param("difficulty")),
            *(*_USER, *_amounts("spent", "earned")),
        ),
    ),
    "rg": _File(("Registration",), (_ID, _INSTALLED)),
    "sbs": _File(
        ("Subscription",),
        (
            *(*_SUBSCRIPTION, _param("event_type", "action"), Column("is_trial", ("params",), "flag", key="is_trial")),
            _param("original_transaction_id"),
            Column("start_date", ("params",), "instant", key="starts_at"),
            Column("expires_date", ("params",), "instant", key="expires_at"),
        ),
    ),
    "adrv": _File(
        ("Ad Shown",),
        (
            *(_ID, _TIME, _LEVEL, _param("network"), _param("placement"), _param("unit")),
            *(Column("revenue", ("amount_usd",)), _param("source"), *_USER),
        ),
    ),
    "sbs_payments": _File(("Subscription",), _SUBSCRIPTION, _REVENUE),
}

_EVERY_CUSTOM = RowShape((_ID, _TIME, _LEVEL, *_USER), spread="params")


def _said(name: str, key: str) -> Column:
    """What the profile says."""
    return Column(name, ("profile",), "member", key=key)


def _flag(name: str, key: str) -> Column:
    return Column(name, ("profile",), "flag", key=key)


USERS = RowShape(
    (
        *(_ID, Column("Main ID", ("actor",)), Column("Created", ("registered_at", "first_seen"), "whole")),
        *(_flag("Paying", "is_paying"), _flag("Cheater", "is_cheater"), _flag("Tester", "is_tester")),
        *(_said("Level", "level"), Column("AppVersion", ("app_version",)), Column("Language", ("locale",))),
        *(Column("Country", ("country",)), Column("Device manufacturer", ("device_manufacturer",))),
        *(Column("Device name", ("device_model",)), Column("Crossplatform User ID", ("session_user_id",))),
        *(Column("Channel", ("source_channel",)), Column("InstallSource", ("install_source",))),
        *(Column("User agent", ("user_agent",)), Column("Screen resolution", ("screen_resolution",))),
        *(Column("OS version", ("os_version",)), _device_id("IDFV", "idfv"), _device_id("IDFA", "idfa")),
        *(_device_id("OPEN_UDID", "open_udid"), _said("username", "name"), _said("useremail", "email")),
        *(_said("userphoto", "photo"), _said("userphone", "phone"), Column("AdCampaign", ("source_campaign",))),
        *(Column("Time zone offset", ("timezone_offset_ms",)), Column("OsVersion", ("os_version",))),
        Column("segments", ("profile",), "list", key="segments"),
        *(Column("Agency", ("source_sub_publisher",)), Column("Keyword", ("source_keyword",))),
        *(Column("Placement", ("source_placement",)), Column("Site", ("source_site",))),
        *(Column("Ad group", ("source_ad_group",)), Column("Ad", ("source_ad",))),
    ),
    row="user",
)


def table_of(selection: Selected) -> Table:
    """The table of a selection.

    A standard event is one that came in as such: a custom one that is called like it stands in the table of its name.
    """
    name = selection.alias or selection.event
    if selection.custom:
        where = (_CUSTOM, *selection.where)
        return Table(name, (selection.event,), where, _EVERY_CUSTOM, selection.named)
    file = FILES[selection.event]
    where = (_STANDARD, *file.where, *selection.where)
    return Table(name, file.events, where, RowShape(file.columns, spread=file.spread), selection.named)


def tables_of(selections: Iterable[Selected]) -> tuple[Table, ...]:
    """The tables of a request, those of standard events first: of names that clash, theirs stay as they are."""
    return tuple(map(table_of, sorted(selections, key=lambda one: one.custom)))
