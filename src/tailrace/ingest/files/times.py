"""Times of files as milliseconds UTC: ISO 8601, counts since 1970 and patterns; zones by the pinned rules."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.ingest.problems import EARLIEST, LATEST
from tailrace.model.zones import zone_of

TIME_FORMATS = ("iso", "epoch_s", "epoch_ms", "epoch_us")

_MICROSECONDS = pa.timestamp("us")
_OFFSET = r"[T ]\d\d.*(?:Z|[+-]\d\d(?::?\d\d)?)$"
_ISO_LENGTH = len("2026-01-02T03:04:05.678901+00:00")
_DECIMAL = pa.decimal128(30, 9)
_PER_MS = {"epoch_us": (1, 1000), "epoch_ms": (1, 1), "epoch_s": (1000, 1)}  # factor, divisor
_STEP = 900_000  # ms: zones change their offset on a quarter of an hour, with exceptions that are looked at
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time of any zone

Milliseconds = npt.NDArray[np.int64]


def time_reader(form: str, zone: str) -> Callable[[pa.Array], pa.Array]:
    """What turns a column of texts into milliseconds UTC, rounded down; null stays null.

    `zone` is for texts that do not say their offset. An hour that a zone's clocks skip is taken as if they had not yet
    been put forward, one that they repeat is the first of the two. The reader raises ValueError for any other text.
    """
    if form in _PER_MS:
        return lambda texts: _count(texts, form)
    if form == "iso":
        return lambda texts: _iso(texts, zone)
    if form == "native":
        return lambda texts: _native(texts, zone)
    return lambda texts: _pattern(texts, form, zone)


def _native(texts: pa.Array, zone: str) -> pa.Array:
    """Whole milliseconds since 1970 or ISO 8601, as in a native record."""
    counts = pc.match_substring_regex(texts, r"^-?\d+$")
    if not pc.any(counts).as_py():
        return _iso(texts, zone)
    return pc.coalesce(_count(pc.if_else(counts, texts, None), "epoch_ms"), _iso(pc.if_else(counts, None, texts), zone))


def _iso(texts: pa.Array, zone: str) -> pa.Array:
    texts = _trimmed(texts)
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > _ISO_LENGTH - len("+00:00"):
        texts = pc.replace_substring_regex(texts, r"(\.\d{6})\d+", r"\1")
    offset = pc.match_substring_regex(texts, _OFFSET)
    if not pc.any(offset).as_py():
        return _local(texts.cast(_MICROSECONDS), zone)
    there = pc.if_else(offset, texts, None).cast(pa.timestamp("us", "UTC"))
    return pc.coalesce(_utc(there), _local(pc.if_else(offset, None, texts).cast(_MICROSECONDS), zone))


def _count(texts: pa.Array, form: str) -> pa.Array:
    factor, divisor = _PER_MS[form]
    texts = _trimmed(texts)
    try:
        whole = pc.multiply_checked(texts.cast(pa.int64()), factor)
    except pa.ArrowInvalid:
        whole = pc.floor(pc.multiply(texts.cast(_DECIMAL), pa.scalar(factor, pa.decimal128(4, 0)))).cast(pa.int64())
    return _floored(whole, divisor)


def _pattern(texts: pa.Array, pattern: str, zone: str) -> pa.Array:
    if "%f" in pattern:
        return _slow_pattern(texts, pattern, zone)
    read = pc.strptime(_trimmed(texts), format=pattern, unit="us", error_is_null=True)
    if read.null_count > texts.null_count:
        raise ValueError(f"does not fit {pattern}")
    return _utc(read) if read.type.tz else _local(read, zone)


def _slow_pattern(texts: pa.Array, pattern: str, zone: str) -> pa.Array:
    """Fractions of a second are not known to Arrow's patterns: distinct texts are read one by one."""
    distinct = _trimmed(texts).dictionary_encode()
    moments = [datetime.strptime(text, pattern) for text in distinct.dictionary.to_pylist()]  # noqa: DTZ007
    local = pa.array([m.replace(tzinfo=None) - (m.utcoffset() or timedelta()) for m in moments], _MICROSECONDS)
    read = local.take(distinct.indices)
    return _utc(read) if any(moment.tzinfo for moment in moments) else _local(read, zone)


def _trimmed(texts: pa.Array) -> pa.Array:
    return pc.ascii_trim_whitespace(texts)


def _utc(moments: pa.Array) -> pa.Array:
    return _floored(moments.cast(pa.int64()), 1000)


def _local(moments: pa.Array, zone: str) -> pa.Array:
    local = _utc(moments)
    if zone == "UTC" or local.null_count == len(local):
        return local
    values = pc.fill_null(local, 0).to_numpy(zero_copy_only=False)
    return pa.array(values - _offsets(values, zone_of(zone)), pa.int64(), mask=_nulls(local))


def _floored(numbers: pa.Array, divisor: int) -> pa.Array:
    if divisor == 1:
        return numbers
    values = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False)
    return pa.array(values // divisor, pa.int64(), mask=_nulls(numbers))


def _nulls(array: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = pc.is_null(array).to_numpy(zero_copy_only=False)
    return mask


def _offsets(local: Milliseconds, zone: tzinfo) -> Milliseconds:
    """Offsets from UTC, ms: one look-up for each quarter of an hour, unless the offset changes within it."""
    local = np.clip(local, EARLIEST, LATEST)
    quarters, which = np.unique(local // _STEP, return_inverse=True)
    begin = _each_offset(quarters * _STEP, zone)
    end = _each_offset(np.minimum(quarters * _STEP + _STEP - 1, LATEST), zone)
    found = begin[which]
    changing = (begin != end)[which]
    found[changing] = _each_offset(local[changing], zone)
    return found


def _each_offset(local: Milliseconds, zone: tzinfo) -> Milliseconds:
    moments = [(_EPOCH + timedelta(milliseconds=int(ms))).replace(tzinfo=zone) for ms in local]
    return np.array([(m.utcoffset() or timedelta()) // timedelta(milliseconds=1) for m in moments], dtype=np.int64)
