"""Targets as rows keep them: what was asked without its secrets, and these apart."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from tailrace.delivery.vault import Vault
from tailrace.model.delivery import Delivery, DeliveryKind, Mail, S3Copy, Webhook

_Kept = TypeVar("_Kept", bound=Delivery)

_KINDS: Mapping[DeliveryKind, type[Delivery]] = {"s3": S3Copy, "webhook": Webhook, "mail": Mail}
_SECRETS: Mapping[DeliveryKind, tuple[str, ...]] = {
    "s3": ("access_key_id", "secret_access_key", "session_token"),
    "webhook": ("url", "secret"),
    "mail": (),
}
# Made before there are threads: two that read a type for the first time at the same moment end the process.
_DECODERS: Mapping[str, Any] = {kind: msgspec.json.Decoder(type_) for kind, type_ in _KINDS.items()}


class Target(Struct, frozen=True):
    """A delivery's target as columns of a row."""

    kind: DeliveryKind
    shown: str
    target: str
    sealed: bytes | None

    def columns(self) -> dict[str, Any]:
        """By name."""
        return {"kind": self.kind, "shown": self.shown, "target": self.target, "sealed": self.sealed}


def target_of(vault: Vault, space: int, asked: Delivery, shown: str = "") -> Target:
    """What to keep of a delivery; `shown` where the value cannot say it itself."""
    found = {name: getattr(asked, name) for name in _SECRETS[asked.kind]}
    secrets = {name: value for name, value in found.items() if value}
    bare = replace(asked, **dict.fromkeys(secrets, ""))
    text = msgspec.json.encode(bare).decode()
    return Target(asked.kind, shown or shown_of(asked), text, vault.seal(space, secrets))


def delivery_of(vault: Vault, space: int, row: Any) -> Delivery:
    """The delivery of a row that has such columns. Raises Unavailable if no key opens its secrets."""
    bare: Delivery = _DECODERS[row.kind].decode(row.target)
    return replace(bare, **vault.open(space, None if row.sealed is None else bytes(row.sealed)))


def asked_of(row: Any) -> Delivery:
    """The same without secrets."""
    bare: Delivery = _DECODERS[row.kind].decode(row.target)
    return bare


def shown_of(asked: Delivery) -> str:
    """What people see of a target: bucket and prefix, host, or addresses; never a path that may be a credential."""
    match asked:
        case S3Copy():
            return f"s3://{asked.bucket}/{asked.prefix}"
        case Webhook():
            parts = urlsplit(asked.url)
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        case Mail():
            return ", ".join(asked.to)
    return ""


def apart(asked: Delivery) -> Sequence[Delivery]:
    """What is delivered each by itself: mail to several people, so that one who gets none does not stand in the way."""
    return [replace(asked, to=(address,)) for address in asked.to] if isinstance(asked, Mail) else [asked]


def joined(stored: Delivery, asked: Delivery) -> Delivery:
    """A stored destination with what a request says beside it: a prefix comes behind the stored one."""
    match stored, asked:
        case S3Copy(), S3Copy():
            said = {name: getattr(asked, name) for name in ("compress", "by_export", "manifest", "destination")}
            return replace(stored, prefix=stored.prefix + asked.prefix, **said)
        case Webhook(), Webhook():
            said = {name: getattr(asked, name) for name in ("body", "base", "after_copies", "destination")}
            return replace(stored, **said)
    return asked
