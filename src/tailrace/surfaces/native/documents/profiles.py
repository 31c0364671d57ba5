"""What is known of the users of an app."""

from typing import Annotated, Any

import msgspec

from tailrace.surfaces.native.documents.base import Count, Instant, Strict

_Actor = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_Unset = msgspec.UnsetType


class ProfileQuery(Strict):
    """Whose profile."""

    actor: _Actor


class ProfileSetBody(Strict, omit_defaults=True):
    """Keys of a profile to set; what is left out stays, null takes a key back. `attributes` are set key by key."""

    name: str | _Unset | None = msgspec.UNSET
    email: str | _Unset | None = msgspec.UNSET
    phone: str | _Unset | None = msgspec.UNSET
    photo: str | _Unset | None = msgspec.UNSET
    gender: str | _Unset | None = msgspec.UNSET
    birth_year: int | _Unset | None = msgspec.UNSET
    level: int | _Unset | None = msgspec.UNSET
    is_tester: bool | _Unset | None = msgspec.UNSET
    is_cheater: bool | _Unset | None = msgspec.UNSET
    is_paying: bool | _Unset | None = msgspec.UNSET
    registered_at: Instant | _Unset | None = msgspec.UNSET
    segments: list[str] | _Unset | None = msgspec.UNSET
    attributes: dict[str, Any] | _Unset | None = msgspec.UNSET


class ProfileBody(Strict):
    """What to set of a user: the actor, which is the device or anonymous id of the events, else their user id."""

    actor: _Actor
    set: ProfileSetBody


class ProfileDocument(Strict):
    """What is known of a user as of commit `seq`. `number` and `user_id` are null before anything of it was sealed."""

    app: str
    actor: str
    seq: Count
    number: Count | None
    user_id: str | None
    profile: dict[str, Any]
    set: dict[str, Any]
