"""What the records of a fragment say of its session and user, merged into one value per field."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def merge_texts(texts: pa.ChunkedArray, groups: npt.NDArray[np.int64], count: int) -> list[dict[str, Any]]:
    """Merge JSON object texts per group: row i belongs to group ``groups[i]``, rows of a group in order of time.

    Each distinct text is parsed once and each distinct combination merged once, so the result shares its values.
    """
    encoded = texts.combine_chunks().dictionary_encode()
    parsed = [_decode(text) for text in encoded.dictionary.to_pylist()]
    members: list[list[int]] = [[] for _ in range(count)]
    for group, code in _pairs(encoded, groups, len(parsed)):
        members[group].append(code)
    combinations = [tuple(codes) for codes in members]
    merged = {codes: _merge([parsed[code] for code in codes]) for codes in set(combinations)}
    return [merged[codes] for codes in combinations]


def with_defaults(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Values over defaults."""
    return _merge([defaults, values])


def json_text(value: Any) -> str | None:
    """A value as JSON text; None stays None."""
    return None if value is None else _encode(value).decode()


def json_value(text: str) -> Any:
    """The value of a JSON text."""
    return msgspec.json.decode(text)


def _pairs(encoded: pa.DictionaryArray, groups: npt.NDArray[np.int64], codes: int) -> list[tuple[int, int]]:
    """Distinct (group, code) in the order of their last row, so that what was said last wins."""
    there = pc.is_valid(encoded.indices).to_numpy(zero_copy_only=False)
    if not there.any():
        return []
    pairs = groups[there] * codes + encoded.indices.drop_null().to_numpy()
    backwards = pairs[::-1]
    _, last = np.unique(backwards, return_index=True)
    ordered = backwards[np.sort(last)[::-1]]
    return list(zip((ordered // codes).tolist(), (ordered % codes).tolist(), strict=True))


def _merge(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Later values win; objects are merged key by key."""
    if len(parts) == 1:
        return parts[0]
    result: dict[str, Any] = {}
    grown: dict[str, dict[str, Any]] = {}  # objects made here, which may be changed in place
    for part in parts:
        for key, value in part.items():
            if value is None:
                continue
            before = result.get(key)
            if isinstance(before, dict) and isinstance(value, dict):
                if key not in grown:
                    result[key] = grown[key] = dict(before)
                grown[key].update(value)
            else:
                result[key] = value
                grown.pop(key, None)
    return result
