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

    name: str | None | _Unset = msgspec.UNSET
    email: str | None | _Unset = msgspec.UNSET
    phone: str | None | _Unset = msgspec.UNSET
    photo: str | None | _Unset = msgspec.UNSET
    gender: str | None | _Unset = msgspec.UNSET
    birth_year: int | None | _Unset = msgspec.UNSET
    level: int | None | _Unset = msgspec.UNSET
    is_tester: bool | None | _Unset = msgspec.UNSET
    is_cheater: bool | None | _Unset = msgspec.UNSET
    is_paying: bool | None | _Unset = msgspec.UNSET
    registered_at: Instant | None | _Unset = msgspec.UNSET
    segments: list[str] | None | _Unset = msgspec.UNSET
    attributes: dict[str, Any] | None | _Unset = msgspec.UNSET


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
