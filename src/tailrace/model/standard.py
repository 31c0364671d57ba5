"""Standard events: what means the same in every app, by name, with the fields and parameters that each may have."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

STANDARD_KIND = "standard"

# `amounts` is an object of name and number, `instant` an ISO 8601 text; a tuple holds the texts to choose from.
ParamKind = Literal["text", "number", "int", "bool", "amounts", "instant"] | tuple[str, ...]
_MONEY = ("amount", "currency", "amount_usd")


class StandardEvent(Struct, frozen=True):
    """One standard event: the fields of a record that it is about, and the types of its parameters by name."""

    fields: tuple[str, ...] = ()
    params: Mapping[str, ParamKind] = field(default_factory=dict)


# Parameters of which tables show a column per name: statistics know the names.
SPREAD: Mapping[str, tuple[str, ...]] = {"Item Purchased": ("prices",)}

STANDARD_EVENTS: Mapping[str, StandardEvent] = {
    "Session Started": StandardEvent(),
    "Session Active": StandardEvent(("duration_ms",)),
    "Alive": StandardEvent(),
    "Registration": StandardEvent(),
    "User Updated": StandardEvent(),
    "Level Up": StandardEvent(
        ("level",), {"spent": "amounts", "earned": "amounts", "balance": "amounts", "bought": "amounts"}
    ),
    "Tutorial Step": StandardEvent(params={"step": "int"}),
    "Progression": StandardEvent(
        ("duration_ms",),
        {
            "location": "text",
            "success": "bool",
            "prev_location": "text",
            "difficulty": "number",
            "spent": "amounts",
            "earned": "amounts",
        },
    ),
    "Payment": StandardEvent(_MONEY, {"transaction_id": "text", "product": "text", "valid": "bool"}),
    "Item Purchased": StandardEvent(
        params={"item": "text", "item_type": "text", "count": "number", "prices": "amounts"}
    ),
    "Currency Received": StandardEvent(
        params={"currency": "text", "amount": "number", "source": ("earned", "bought"), "reason": "text"}
    ),
    "Currency Balance": StandardEvent(params={"balance": "amounts"}),
    "Subscription": StandardEvent(
        _MONEY,
        {
            "action": ("purchase", "renewal", "refund", "cancellation"),
            "transaction_id": "text",
            "original_transaction_id": "text",
            "product": "text",
            "is_trial": "bool",
            "starts_at": "instant",
            "expires_at": "instant",
            "grace_days": "number",
        },
    ),
    "Ad Shown": StandardEvent(_MONEY, {"network": "text", "placement": "text", "unit": "text", "source": "text"}),
    "Social Connected": StandardEvent(params={"social": "text"}),
    "Social Posted": StandardEvent(params={"social": "text", "reason": "text"}),
    "Referred": StandardEvent(
        params={"source": "text", "medium": "text", "content": "text", "campaign": "text", "term": "text"}
    ),
    "Tracking Changed": StandardEvent(params={"allowed": "bool"}),
}
