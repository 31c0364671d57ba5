"""Made-up events of an app over 30 days: the same for the same number and seed, and made column by column.

About 7 events per session, 300 000 people, 200 event names of very unequal frequency, 18 versions that follow one
another, and up to 8 parameters per event out of 80: words, numbers, ids that do not compress, and text that formats
trip over. A session says of its device and its user what a vendor's export does; some users do not tell everything.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FORM = "22"  # what is made; other data directories are left alone
FIRST_DAY_MS = 1_788_220_800_000  # 2026-09-01T00:00:00Z
DAY_MS = 86_400_000
DAYS = 30
EVENTS_PER_SESSION = 7
LONGEST_SESSION = 200
EVENTS_PER_PART = 350_000  # what is held in memory at a time
VERSIONS = [f"{major}.{minor}.{patch}" for major in (3, 4, 5) for minor in (0, 1, 2) for patch in (0, 1)]
_SDK_VERSIONS = [f"11.{n // 4}.{n % 4 // 2}" for n in range(len(VERSIONS))]
_IOS = 2  # its place among four makes
SESSION_COLUMNS = (
    "session_id",
    "session_start",
    "session_duration_ms",
    "app_version",
    "sdk_version",
    "device_id",
    "device_ids",
    "device_model",
    "device_submodel",
    "os_version",
    "platform",
    "country",
    "region",
    "locale",
    "gender",
    "birth_year",
    "latitude",
    "longitude",
    "user_id",
)
EVENT_COLUMNS = ("event", "time", "params")

_SPECIAL = [
    'She said "go", twice',
    "one, two; three",
    "first line\nsecond line",
    "carriage\r\nreturn",
    "tab\there",
    "C:\\path\\file",
    "bell\x07 and escape\x1b[0m",
    "<b>bold</b> & <i>more</i>",
    "]]> &amp; &#13;",
    "Привет, мир",
    "日本語のテキスト",
    "שלום עולם",
    "مرحبا بالعالم",
    "party 🎉🚀 👩‍👩‍👧",
    "line\u2028separator",
    "naïve café",
    "=SUM(A1:A9)",
    "'quoted' and `ticked`",
    "",
    " spaces around ",
]
_SYLLABLES = "an be cor dil esh fu gar hin ist jol kem lur mon nev ost pra"
_VERBS = "open close view tap buy sell start end join leave like share find rate send skip"
_NOUNS = "level menu shop item video ad quest team chat map letter profile offer"
_KEY_WORDS = (
    "price item source screen duration count currency title query position success variant campaign referrer comment "
    "tag score mode step"
)
_KEYS = [*_KEY_WORDS.split(), *(f"key_{n:02d}" for n in range(58)), 'odd "key"', "ключ"]
_LEVEL = len(_KEYS)  # a key of its own: the share of events above a level is known
_WORD, _NUMBER, _ID, _SPECIAL_TEXT = range(4)

Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one day: its sessions by start, and their events in the order of their sessions."""

    day: int
    sessions: pa.Table  # SESSION_COLUMNS, and device_map for those who want a map
    events: pa.Table  # id, EVENT_COLUMNS, and map
    lengths: Numbers  # events of each session

    @property
    def parent(self) -> pa.Array:
        """The session of each event."""
        return pa.array(np.repeat(np.arange(len(self.lengths)), self.lengths))


class Traffic:
    """What stays the same over all days, and the days."""

    def __init__(self, events: int, seed: int, people: int = 300_000) -> None:
        self.events, self.seed, self.people = events, seed, people
        chance = np.random.default_rng([seed, 1])
        self._texts(chance)
        self._names(chance)
        self._devices(chance)
        self._profiles(chance)

    def parts(self) -> Iterator[Part]:
        """All of it, in the order of the sessions' starts."""
        per_day = self.events // DAYS
        count = -(-per_day // EVENTS_PER_PART)
        for day in range(DAYS):
            for part in range(count):
                yield self._part(day, part, count, per_day // count // EVENTS_PER_SESSION)

    def _texts(self, chance: np.random.Generator) -> None:
        words = [
            " ".join(
                "".join(chance.choice(_SYLLABLES.split(), chance.integers(1, 5))) for _ in range(chance.integers(1, 4))
            )
            for _ in range(4000)
        ]
        numbers = [*range(10_000), *(round(n * 0.13, 2) for n in range(3000))]
        self.words, self.numbers = len(words), len(numbers)
        texts = [*words, *_SPECIAL]
        self.plain = pa.array([*texts, *map(str, numbers)])
        self.quoted = pa.array([*(json.dumps(text, ensure_ascii=False) for text in texts), *map(str, numbers)])
        self.keys = pa.array([*_KEYS, "level"])
        self.quoted_keys = pa.array([json.dumps(key, ensure_ascii=False) for key in [*_KEYS, "level"]])

    def _names(self, chance: np.random.Generator) -> None:
        names = [f"{verb}_{noun}" for verb in _VERBS.split() for noun in _NOUNS.split()]
        chance.shuffle(names)
        odd = ['said "name", x', "Событие", "イベント", "a<b>&c", "check/out", "two\nlines"]
        self.names = [*names[:194], *odd]
        self.name_weights = _zipf(200, 1.1)
        self.key_counts = chance.integers(0, 9, 200)
        self.key_table = np.stack([chance.permutation(_LEVEL)[:8] for _ in range(200)])
        share = 0.0
        for rank in range(5, 200, 3):  # names that carry a level, until they are enough for the filter's 1 %
            if share < 0.0615:
                share += self.name_weights[rank]
                self.key_counts[rank] = max(self.key_counts[rank], 1)
                self.key_table[rank, 0] = _LEVEL
        self.key_kinds = np.append(chance.choice(3, _LEVEL, p=[0.52, 0.36, 0.12]), _NUMBER)

    def _devices(self, chance: np.random.Generator) -> None:
        weights = chance.lognormal(0, 1.3, self.people)
        self.person_odds = np.cumsum(weights / weights.sum())
        self.device_ids = _hex(chance, self.people, 16)
        self.user_ids = pc.binary_join_element_wise("user-", _hex(chance, self.people, 5), "")
        self.known = chance.random(self.people) < 0.9
        self.model = chance.choice(80, self.people, p=_zipf(80, 0.9))
        self.country = chance.choice(60, self.people, p=_zipf(60, 1.2))
        self.models = pa.array([f"{make} {n}" for make in ("Pixel", "Galaxy S", "iPhone", "Redmi") for n in range(20)])
        codes = ("GVU6C-{}", "SM-G99{}B", "iPhone14,{}", "M2101K{}AG")
        self.submodels = pa.array([code.format(n) for code in codes for n in range(60)])
        self.submodel = self.model // 20 * 60 + self.model % 20 * 3 + chance.integers(0, 3, self.people)
        self.platforms = pa.array([p for p in ("android", "android", "ios", "android") for _ in range(20)])
        ios = self.model // 20 == _IOS
        kinds = np.stack([np.where(ios, 0, 1), np.where(ios, 2, 3)], axis=1).ravel()
        keys = _pick(pa.array(["idfa", "advertising_id", "idfv", "android_id"]), kinds)
        values = _hex(chance, 2 * self.people, 16)
        ends = pa.array(np.arange(0, 2 * self.people + 1, 2), pa.int32())
        self.further_ids = pa.MapArray.from_arrays(ends, keys, values)
        members = pc.binary_join_element_wise('"', keys, '":"', values, '"', "")
        bodies = pc.binary_join(pa.ListArray.from_arrays(ends, members), ",")
        self.further_texts = pc.binary_join_element_wise("{", bodies, "}", "")
        self.systems = pa.array([f"{n % 9 + 8}.{n % 4}.{n % 3}" for n in range(80)])
        self.countries = pa.array([a + b for a in "UGDFJIBRSN" for b in "SBERPL"])
        self.locales = pa.array(["en_US", "de_DE", "ja_JP", "he_IL", "ru_RU", "fr_FR"])
        self.regions = pa.array([f"{a}{b} Province" for a in "BCDFGKLMNPRSTVZ" for b in ("an", "el", "ir", "os")])
        self.region = (self.country + chance.choice(12, self.people, p=_zipf(12, 1.0))) % len(self.regions)

    def _profiles(self, chance: np.random.Generator) -> None:
        """What people tell of themselves, and where they mostly are; null of those who do not."""
        people = self.people
        self.gender = pa.array(chance.choice(["female", "male"], people), mask=chance.random(people) > 0.8)
        self.birth_year = pa.array(chance.integers(1950, 2014, people), mask=chance.random(people) > 0.72)
        self.located = chance.random(people) < 0.88
        centre = np.stack([chance.uniform(-40, 60, 60), chance.uniform(-170, 170, 60)])
        self.home = centre[:, self.country] + chance.normal(0, 3, (2, people))

    def _part(self, day: int, part: int, parts: int, sessions: int) -> Part:
        chance = np.random.default_rng([self.seed, 2, day, part])
        lengths = np.minimum(chance.geometric(1 / EVENTS_PER_SESSION, sessions), LONGEST_SESSION)
        width = DAY_MS // parts
        starts = FIRST_DAY_MS + day * DAY_MS + part * width + np.sort(chance.integers(0, width, sessions))
        times, durations = _times(chance, starts, lengths)
        people = np.minimum(np.searchsorted(self.person_odds, chance.random(sessions)), self.people - 1)
        version = np.clip(2 + day / DAYS * 14 + chance.normal(0, 1.6, sessions), 0, len(VERSIONS) - 1).astype(int)
        model = self.model[people]
        users = pc.if_else(pa.array(self.known[people]), _pick(self.user_ids, people), None)
        away = self.home[:, people] + chance.normal(0, 0.1, (2, sessions))
        latitude, longitude = np.round(away, 2) + 0.0  # no -0.0
        hidden = ~self.located[people]
        columns = {
            "session_id": _hex(chance, sessions, 16),
            "session_start": pa.array(starts, pa.timestamp("ms")),
            "session_duration_ms": pa.array(durations),
            "app_version": _pick(pa.array(VERSIONS), version),
            "sdk_version": _pick(pa.array(_SDK_VERSIONS), version),
            "device_id": _pick(self.device_ids, people),
            "device_ids": _pick(self.further_texts, people),
            "device_model": _pick(self.models, model),
            "device_submodel": _pick(self.submodels, self.submodel[people]),
            "os_version": _pick(self.systems, model),
            "platform": _pick(self.platforms, model),
            "country": _pick(self.countries, self.country[people]),
            "region": _pick(self.regions, self.region[people]),
            "locale": _pick(self.locales, self.country[people] % 6),
            "gender": _pick(self.gender, people),
            "birth_year": _pick(self.birth_year, people),
            "latitude": pa.array(latitude, mask=hidden),
            "longitude": pa.array(longitude, mask=hidden),
            "user_id": users,
            "device_map": _pick(self.further_ids, people),
        }
        return Part(day, pa.table(columns), self._events(chance, times), lengths)

    def _events(self, chance: np.random.Generator, times: Numbers) -> pa.Table:
        count = len(times)
        names = chance.choice(200, count, p=self.name_weights)
        keys, plain, quoted, offsets = self._params(chance, names)
        members = pc.binary_join_element_wise(_pick(self.quoted_keys, keys), quoted, ":")
        bodies = pc.binary_join(pa.ListArray.from_arrays(offsets, members), ",")
        return pa.table(
            {
                "id": _hex(chance, count, 12),
                "event": _pick(pa.array(self.names), names),
                "time": pa.array(times, pa.timestamp("ms")),
                "params": pc.binary_join_element_wise("{", bodies, "}", ""),
                "map": pa.MapArray.from_arrays(offsets, _pick(self.keys, keys), plain),
            }
        )

    def _params(self, chance: np.random.Generator, names: Numbers) -> tuple[Numbers, pa.Array, pa.Array, pa.Array]:
        """Keys, plain values, JSON values, and where each event's begin."""
        counts = self.key_counts[names]
        owner = np.repeat(np.arange(len(names)), counts)
        slot = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        there = chance.random(len(owner)) < 0.85
        owner, slot = owner[there], slot[there]
        keys = self.key_table[names[owner], slot]
        kinds = self.key_kinds[keys]
        special = (kinds != _NUMBER) & (chance.random(len(keys)) < 0.125)  # 8 % of all values
        kinds = np.where(special, _SPECIAL_TEXT, kinds)
        skewed = chance.random(len(keys)) ** 3
        ids = kinds == _ID
        specials = self.words + skewed * len(_SPECIAL)
        numbers = self.words + len(_SPECIAL) + skewed * self.numbers
        index = np.select([kinds == _WORD, kinds == _NUMBER], [skewed * self.words, numbers], specials).astype(np.int64)
        random_ids = _hex(chance, int(ids.sum()), 8)
        index[ids] = len(self.plain) + np.arange(len(random_ids))
        quoted_ids = pc.binary_join_element_wise('"', random_ids, '"', "")
        ends = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(names)))])
        return (
            keys,
            _pick(pa.concat_arrays([self.plain, random_ids]), index),
            _pick(pa.concat_arrays([self.quoted, quoted_ids]), index),
            pa.array(ends, pa.int32()),
        )


def _times(chance: np.random.Generator, starts: Numbers, lengths: Numbers) -> tuple[Numbers, Numbers]:
    """When each event happened, the first at its session's start; and how long the sessions are."""
    pauses = chance.exponential(20_000, int(lengths.sum())).astype(np.int64)
    last = np.cumsum(lengths) - 1
    first = last - lengths + 1
    pauses[first] = 0
    run = np.cumsum(pauses)
    offsets = run - np.repeat(run[first], lengths)
    return np.repeat(starts, lengths) + offsets, offsets[last]


def _pick(values: pa.Array, index: Numbers) -> pa.Array:
    return values.take(pa.array(index))


def _zipf(count: int, slope: float) -> Numbers:
    weights: Numbers = np.arange(1, count + 1) ** -slope
    weights /= weights.sum()
    return weights


def _hex(chance: np.random.Generator, count: int, size: int) -> pa.Array:
    """Random bytes as hex digits, without a loop."""
    text = chance.bytes(count * size).hex().encode()
    offsets = np.arange(0, 2 * size * count + 1, 2 * size, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))


def lines(part: Part) -> pa.Array:
    """The part as native records, a line per event: the session's fields on its first event, its end on the last."""
    sessions, events, parent = part.sessions, part.events, part.parent
    number = np.arange(len(part.lengths))
    ends = np.cumsum(part.lengths)
    first = _at(ends - part.lengths, number, ends[-1])
    last = _at(ends - 1, number, ends[-1])
    opening = pc.fill_null(_members(sessions, _OF_SESSION).take(first), "")
    ending = pc.if_else(pc.is_valid(last), ',"end":true', "")
    inside = _cut(pc.binary_join_element_wise(opening, ending, ""))
    there = pc.or_(pc.is_valid(first), pc.is_valid(last))
    session = pc.if_else(there, pc.binary_join_element_wise(',"session":{', inside, "}", ""), "")
    told = _cut(_members(sessions, _OF_PROFILE))
    profile = pc.binary_join_element_wise(',"profile":{', told, "}", "")
    names = _one(events["event"]).dictionary_encode()
    quoted = pa.array([json.dumps(name, ensure_ascii=False) for name in names.dictionary.to_pylist()])
    return pc.binary_join_element_wise(
        '{"id":"',
        _one(events["id"]),
        '","event":',
        quoted.take(names.indices),
        ',"time":',
        pc.cast(pc.cast(_one(events["time"]), pa.int64()), pa.string()),
        _members(sessions, _OF_EVENT).take(parent),
        ',"params":',
        _one(events["params"]),
        session,
        pc.fill_null(profile.take(first), ""),
        "}\n",
        "",
    )


_OF_EVENT = ("device_id", "session_id", "user_id")
_OF_PROFILE = ("gender", "birth_year")
_OF_SESSION = (
    "app_version",
    "sdk_version",
    "device_model",
    "device_submodel",
    "os_version",
    "platform",
    "country",
    "region",
    "locale",
    "latitude",
    "longitude",
    "device_ids",
)


def _at(places: Numbers, values: Numbers, count: int) -> pa.Array:
    """Values at their places among nulls."""
    found, missing = np.zeros(count, np.int64), np.ones(count, bool)
    found[places] = values
    missing[places] = False
    return pa.array(found, mask=missing)


def _members(table: pa.Table, names: Sequence[str]) -> pa.Array:
    """Plain texts, numbers and JSON as members of a JSON object, each after a comma; what is null is left out."""
    return pc.binary_join_element_wise(*(_member(name, table[name]) for name in names), "")


def _member(name: str, column: pa.ChunkedArray) -> pa.Array:
    quote = '"' if pa.types.is_string(column.type) and name != "device_ids" else ""
    texts = _one(column).cast(pa.string())
    return pc.fill_null(pc.binary_join_element_wise(f',"{name}":{quote}', texts, quote, ""), "")


def _cut(members: pa.Array) -> pa.Array:
    """Without the first comma."""
    return pc.replace_substring_regex(members, "^,", "")


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
