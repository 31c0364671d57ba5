"""What the codes of events mean: which event of ours, and where members of events and of their senders go."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from msgspec import Struct, field

from tailrace.ingest.protocols.devtodev import values
from tailrace.ingest.protocols.devtodev.values import YEARS, none, same
from tailrace.model.clock import DAY, day_name

Moves = Mapping[str, tuple[str, Callable[[Any], Any]]]  # member -> its place and name there, and how it is read

_GENDERS = {0: "unknown", 1: "male", 2: "female"}
_ACCRUALS = {0: "earned", 1: "bought"}
_PLATFORMS = {"ios": "ios", "ipados": "ios", "android": "android"}


class Said(Struct):
    """What an event and its sender say, by place; `time` in ms."""

    time: int | None
    params: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    session: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    device_ids: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    def sort(self, members: Mapping[str, Any], moves: Moves, rest: str) -> None:
        """Put members where `moves` says; what it does not name, and what cannot be read, goes to `rest` as it is."""
        others = getattr(self, rest)
        for name, value in members.items():
            to, read = moves.get(name, ("", none))
            found = read(value)
            if found is None:
                others[name] = value
            else:
                place, _, key = to.partition(".")
                getattr(self, place)[key] = found


class Meaning(Struct, frozen=True):
    """What a code means: an event, moves of its members, and what is to be done when they are in their places."""

    event: str = ""
    moves: Moves = field(default_factory=dict)
    after: Callable[[Said], None] = none
    kind: str | None = "standard"


def _ad(said: Said) -> None:
    """Revenue is in US dollars."""
    if "amount_usd" in said.fields:
        said.fields |= {"amount": said.fields["amount_usd"], "currency": "USD"}


def _subscription(said: Said) -> None:
    """Money that went back is negative."""
    if "amount" in said.fields and said.params.get("action") == "refund":
        said.fields["amount"] = -abs(said.fields["amount"])


def _referral(said: Said) -> None:
    """Where the user came from is a fact of the session too."""
    for name, to in (("source", "channel"), ("campaign", "campaign"), ("content", "ad"), ("term", "keyword")):
        said.session[f"source_{to}"] = said.params.get(name)


def _device(said: Said) -> None:
    """Systems that have a name as platforms."""
    said.session["platform"] = _PLATFORMS.get(str(said.session.get("os_name")).lower())


def _person(said: Said) -> None:
    """What no field is for is an attribute. The year of birth is made of the age, and may be one too late."""
    age = values.whole(said.params.get("age"))
    if age is not None and said.time is not None and said.time in YEARS:
        said.profile["birth_year"] = int(day_name(said.time // DAY)[:4]) - age
    said.attributes, said.params = said.params, {}


COMMON: Moves = {
    "level": ("fields.level", values.whole),
    "isTester": ("fields.is_tester", values.flag),
    "isCheater": ("fields.is_cheater", values.flag),
    "isPaying": ("fields.is_paying", values.flag),
}
SENDER: Moves = {
    **COMMON,
    "devtodevId": ("device_ids.devtodev_id", values.text),
    "language": ("session.locale", values.text),
    "country": ("session.country", values.text),
    "ip": ("session.ip", values.text),
    "appVersion": ("session.app_version", values.text),
    "appBuildVersion": ("session.app_build", values.text),
    "sdkVersion": ("session.sdk_version", values.text),
}
_DEVICE: Moves = {
    "os": ("session.os_name", values.text),
    "osVersion": ("session.os_version", values.text),
    "manufacturer": ("session.device_manufacturer", values.text),
    "model": ("session.device_model", values.text),
    "displayResolution": ("session.screen_resolution", values.text),
    "userAgent": ("session.user_agent", values.text),
    "timeZoneOffset": ("session.timezone_offset_ms", values.milliseconds),
    "installSource": ("session.install_source", values.text),
    "uuid": ("device_ids.uuid", values.text),
    "idfa": ("device_ids.idfa", values.text),
    "idfv": ("device_ids.idfv", values.text),
    "advertisingId": ("device_ids.advertising_id", values.text),
    "androidId": ("device_ids.android_id", values.text),
    "openUdid": ("device_ids.open_udid", values.text),
}
_PERSON: Moves = {
    "name": ("profile.name", values.text),
    "email": ("profile.email", values.text),
    "phone": ("profile.phone", values.text),
    "photo": ("profile.photo", values.text),
    "gender": ("profile.gender", partial(values.word_of, _GENDERS)),
    "cheater": ("profile.is_cheater", values.flag),
    "tester": ("profile.is_tester", values.flag),
}
_PROGRESS: Moves = {
    "name": ("params.location", same),
    "source": ("params.prev_location", same),
    "duration": ("fields.duration_ms", values.milliseconds),
}
_PAYMENT: Moves = {
    "orderId": ("params.transaction_id", same),
    "productId": ("params.product", same),
    "price": ("fields.amount", values.number),
    "currencyCode": ("fields.currency", values.text),
}
_ITEM: Moves = {
    "purchaseId": ("params.item", same),
    "purchaseType": ("params.item_type", same),
    "purchaseAmount": ("params.count", same),
    "purchasePrice": ("params.prices", same),
}
_ACCRUAL: Moves = {
    "currencyName": ("params.currency", same),
    "currencyAmount": ("params.amount", same),
    "accrualType": ("params.source", partial(values.word_of, _ACCRUALS)),
    "currencySource": ("params.reason", same),
}
_SUBSCRIPTION: Moves = {
    "notificationType": ("params.action", same),
    "transactionId": ("params.transaction_id", same),
    "originalTransactionId": ("params.original_transaction_id", same),
    "price": ("fields.amount", values.number),
    "currency": ("fields.currency", values.text),
    "isTrial": ("params.is_trial", values.flag),
    "startDateMs": ("params.starts_at", values.instant_text),
    "expiresDateMs": ("params.expires_at", values.instant_text),
    "gracePeriod": ("params.grace_days", same),
}
_SOCIAL: Moves = {"socialNetwork": ("params.social", same), "postReason": ("params.reason", same)}

MEANINGS: Mapping[str, Meaning] = {
    "ss": Meaning("Session Started"),
    "ue": Meaning("Session Active", {"length": ("fields.duration_ms", values.milliseconds)}),
    "al": Meaning("Alive"),
    "rg": Meaning("Registration"),
    "di": Meaning("User Updated", _DEVICE, _device),
    "ui": Meaning("User Updated", _DEVICE, _device),
    "pl": Meaning("identify", _PERSON, _person, "identify"),
    "lu": Meaning("Level Up"),
    "tr": Meaning("Tutorial Step"),
    "pe": Meaning("Progression", _PROGRESS),
    "rp": Meaning("Payment", _PAYMENT),
    "vp": Meaning("Item Purchased", _ITEM),
    "ca": Meaning("Currency Received", _ACCRUAL),
    "cb": Meaning("Currency Balance"),
    "sbs": Meaning("Subscription", _SUBSCRIPTION, _subscription),
    "adrv": Meaning("Ad Shown", {"revenue": ("fields.amount_usd", values.number)}, _ad),
    "sc": Meaning("Social Connected", _SOCIAL),
    "sp": Meaning("Social Posted", _SOCIAL),
    "rf": Meaning("Referred", after=_referral),
    "ts": Meaning("Tracking Changed", {"trackingAllowed": ("params.allowed", values.flag)}),
}
