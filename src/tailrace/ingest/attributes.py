"""What is known of users as of each fragment, from their stored profiles and what the fragments say.

What a fragment says goes into the profile of its actor. A row shows that profile over those of the actors that aliases
joined it with, the newest of them first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct

from tailrace.columns.sizes import stretches
from tailrace.db.engine import Database
from tailrace.ingest.facts import Fact, facts_of
from tailrace.ingest.fragments import Placed
from tailrace.ingest.merging import json_text, json_value, with_defaults
from tailrace.ingest.spool import Kept, Spool
from tailrace.model.access import Scope
from tailrace.model.clock import parse_iso
from tailrace.store.chunks import CHUNK
from tailrace.store.profiles import LONGEST, Profile, Version, profiles_at
from tailrace.store.sessions import Actor

_NOW = 1 << 62  # a seq after all others: of what this seal changed


class Known(Struct, frozen=True):
    """What profiles know of a fragment's user: the user's attributes as JSON text; when the user registered, ms."""

    attributes: str | None
    registered_at: int


class _Changed(Struct, frozen=True):
    user_id: str | None
    text: Kept


class Attributes:
    """The profiles of a seal's actors, as they change from fragment to fragment.

    `actors` are those of the seal and those that they are joined with; `seq` is the commit as of which they are
    read; `texts` keeps what changed.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        seq: int,
        actors: Mapping[bytes, Actor],
        joined: Mapping[bytes, Sequence[bytes]],
        texts: Spool,
    ) -> None:
        self._database = database
        self._scope = scope
        self._seq = seq
        self._actors = actors
        self._joined = joined
        self._changed: dict[bytes, _Changed] = {}
        self._texts = texts

    def known(self, placed: Sequence[Placed], fragments: pa.Table) -> Iterator[Known]:
        """What is known as of each fragment of a table, taking in what the fragments say, in their order."""
        said = list(map(_with_facts, fragments["profile"].to_pylist(), facts_of(fragments)))
        users = fragments["session_user_id"].to_pylist()
        devices = fragments["device_id"].is_valid().to_pylist()
        reads = np.array([len(self._stored(p.closing.actor)) for p in placed], dtype=np.int64)
        for start, stop in stretches(np.zeros(len(placed), dtype=np.int64), CHUNK, 0, reads):
            profiles = self._read(p.closing.actor for p in placed[start:stop])
            for row in range(start, stop):
                actor = placed[row].closing.actor
                self._say(actor, profiles, said[row], users[row] if devices[row] else None)
                yield self._known(actor, profiles)

    def changed(self, actor: bytes) -> bool:
        """Whether a fragment has changed the profile of an actor."""
        return actor in self._changed

    def versions(self) -> Iterator[Version]:
        """The new version of each profile that has changed."""
        for actor, changed in self._changed.items():
            yield Version(actor, changed.user_id, self._texts.read(changed.text))

    def _family(self, actor: bytes) -> tuple[bytes, ...]:
        return (actor, *self._joined.get(actor, ()))

    def _stored(self, actor: bytes) -> list[bytes]:
        """The actors whose stored profiles matter to an actor."""
        family = self._family(actor) if self._joined else (actor,)
        return [a for a in family if a in self._actors and self._actors[a].profiled]

    def _read(self, actors: Iterable[bytes]) -> dict[bytes, Profile]:
        wanted = dict.fromkeys(chain.from_iterable(map(self._stored, actors)))
        if not wanted:
            return {}
        with self._database.read() as connection:
            return profiles_at(connection, self._scope, self._seq, wanted)

    def _profile(self, actor: bytes, profiles: Mapping[bytes, Profile]) -> Profile | None:
        changed = self._changed.get(actor)
        if changed is None:
            return profiles.get(actor)
        return Profile(_NOW, changed.user_id, self._texts.read(changed.text))

    def _say(self, actor: bytes, profiles: Mapping[bytes, Profile], said: str | None, user_id: str | None) -> None:
        """Take in what a fragment says. What would make a profile too long is left out."""
        if said is None and user_id is None:
            return
        before = self._profile(actor, profiles) or Profile(0, None, "{}")
        text = _merged(before.text, said) if said is not None else before.text
        after = Profile(_NOW, before.user_id if user_id is None else user_id, text)
        if (after.user_id, after.text) != (before.user_id, before.text):
            self._changed[actor] = _Changed(after.user_id, self._texts.keep(after.text))

    def _known(self, actor: bytes, profiles: Mapping[bytes, Profile]) -> Known:
        family = self._family(actor)
        first_seen = self._actors[actor].first_seen
        found = [(a, p) for a in family if (p := self._profile(a, profiles)) is not None and p.text != "{}"]
        if not found:
            return Known(None, first_seen)
        found.sort(key=lambda pair: (pair[0] != actor, -pair[1].seq, pair[0]))
        return _over([json_value(profile.text) for _, profile in found], first_seen)


def _with_facts(said: str | None, facts: Fact) -> str | None:
    """What a fragment says of its user in so many words, over what its events say."""
    if not facts:
        return said
    return json_text(facts if said is None else with_defaults(json_value(said), facts))


def _merged(before: str, said: str) -> str:
    """A profile with what is said; as it was where that would be too long."""
    text = json_text(with_defaults(json_value(said), json_value(before))) or "{}"
    return text if len(text.encode()) <= LONGEST else before


def _over(profiles: Sequence[dict[str, Any]], first_seen: int) -> Known:
    """Profiles, each over the next one, as long as they fit."""
    texts = [profile["attributes"] for profile in profiles if profile.get("attributes")]
    attributes = json_text(texts[0]) if texts else None
    for below in texts[1:]:
        longer = json_text(with_defaults(json_value(attributes or "{}"), below)) or "{}"
        if len(longer.encode()) <= LONGEST:
            attributes = longer
    registered = next((profile["registered_at"] for profile in profiles if profile.get("registered_at")), None)
    return Known(attributes, first_seen if registered is None else parse_iso(registered))
