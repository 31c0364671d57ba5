"""Scalars: JSON texts as plain texts, plain texts as JSON texts, and numbers in the spelling of JSON."""

from collections.abc import Callable, Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.ingest.files.faults import Faults, converted
from tailrace.ingest.files.mapping import Type
from tailrace.ingest.files.paths import decoded
from tailrace.ingest.texts import single_line

_encoder = msgspec.json.Encoder()
_decode_text = msgspec.json.Decoder(str).decode
_decode_any = msgspec.json.Decoder(msgspec.Raw).decode
_INT = r"^(?:0|-?[1-9]\d*)$"
_NUMBER = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$"
_WHAT: dict[Type, str] = {"int": "a whole number", "float": "a finite number", "bool": "true or false"}


def plain(raws: Sequence[bytes]) -> pa.Array:
    """Valid JSON texts as plain ones: strings without quotes, anything else as it stands; null is no value."""
    texts = [
        None if not raw or raw == b"null"
        else raw if raw[0] != 34
        else raw[1:-1] if b"\\" not in raw
        else _decode_text(raw).encode()
        for raw in raws
    ]  # fmt: skip
    return pa.array(texts, pa.string())


def json_texts(raws: Sequence[bytes]) -> pa.Array:
    """Valid JSON texts as a column, each on one line; null where there is none."""
    return pa.array(_single_lines([None if not raw or raw == b"null" else raw for raw in raws]), pa.string())


def _single_lines(texts: list[bytes | None]) -> list[bytes | None]:
    return [single_line(text) if text and (b"\n" in text or b"\r" in text) else text for text in texts]


def to_json(texts: pa.Array, kind: Type, faults: Faults, where: str) -> pa.Array:
    """Plain texts as JSON texts of a type, with the digits that they have; those that do not fit are faults."""
    if kind == "text":
        return quoted(texts)
    if kind == "json":
        return _checked(texts, faults, where)
    return converted(texts, _SPELLINGS[kind], faults, where, _WHAT[kind])


def quoted(texts: pa.Array) -> pa.Array:
    """Texts as JSON strings; each distinct one is escaped once."""
    distinct = texts.dictionary_encode()
    escaped = list(map(_encoder.encode, distinct.dictionary.to_pylist()))
    return pa.array(escaped, pa.string()).take(distinct.indices)


def whole_numbers(texts: pa.Array) -> pa.Array:
    """Whole numbers as texts of JSON: no plus sign, no needless zeros. Raises ValueError."""
    texts = pc.ascii_trim_whitespace(texts)
    if _all_match(texts, _INT):
        return texts
    texts = pc.replace_substring_regex(texts, r"^(?:\+|(-))?0*(\d+)(?:\.0*)?$", r"\1\2")
    return _matched(pc.replace_substring_regex(texts, r"^-0$", "0"), _INT)


def _numbers(texts: pa.Array) -> pa.Array:
    """Numbers as texts of JSON: as they are, or as the nearest double where JSON does not write them so."""
    texts = pc.ascii_trim_whitespace(texts)
    finite = pc.is_finite(texts.cast(pa.float64()))
    if not pc.all(finite).as_py() and finite.null_count < len(finite):
        raise ValueError("not finite")
    ready = pc.match_substring_regex(texts, _NUMBER)
    if pc.all(ready).as_py() is not False:
        return texts
    spelled = pa.array([None if v is None else repr(v) for v in texts.cast(pa.float64()).to_pylist()], pa.string())
    return pc.if_else(ready, texts, spelled)


def _truths(texts: pa.Array) -> pa.Array:
    return pc.ascii_trim_whitespace(texts).cast(pa.bool_()).cast(pa.string())


_SPELLINGS: dict[Type, Callable[[pa.Array], pa.Array]] = {"int": whole_numbers, "float": _numbers, "bool": _truths}


def _all_match(texts: pa.Array, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(texts, pattern)).as_py() is not False


def _matched(texts: pa.Array, pattern: str) -> pa.Array:
    if not _all_match(texts, pattern):
        raise ValueError("does not fit")
    return texts


def _checked(texts: pa.Array, faults: Faults, where: str) -> pa.Array:
    raws = pc.ascii_trim_whitespace(texts).cast(pa.binary()).to_pylist()
    decoded([b"null" if raw is None else raw for raw in raws], _decode_any, faults, where, b"null")
    return pa.array([None if raw == b"null" else raw for raw in _single_lines(raws)], pa.string())
