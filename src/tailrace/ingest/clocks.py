"""Clocks of senders: a batch that says when it was sent tells how wrong its sender's clock is.

Everything is a column: no Python loop per record. `docs/decisions/0042-clocks-by-steps.md` has the reasons.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from tailrace.ingest.flags import CORRECTED, NO_TIME, OUTSIDE
from tailrace.model.policy import LIMITS

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class ClockRules(Struct, frozen=True):
    """Steps of a correction, the most of it, and how old and how far ahead a record may be at its receipt; all ms."""

    step: int = LIMITS["ingest.clock_step_ms"].default
    most: int = LIMITS["ingest.max_correction_ms"].default
    age: int = LIMITS["ingest.max_age_ms"].default
    ahead: int = LIMITS["ingest.max_ahead_ms"].default


CLOCKS = ClockRules()


def timed(
    times: pa.ChunkedArray, sent: pa.ChunkedArray, heard: int | pa.Array, received_at: int, rules: ClockRules
) -> tuple[pa.Array, Ints]:
    """When each record happened, as far as can be told, and bits of `flags`.

    `times` and `sent` are what the sender says, null where it does not. `heard` is when the sender was heard, by the
    clock of whoever heard it; where it is null the sender is believed.
    """
    given = _there(times)
    time = _filled(times, received_at)
    flags = np.where(given, 0, NO_TIME)
    told, clock = (given, heard) if isinstance(heard, int) else (given & _there(heard), _filled(heard, received_at))
    if told.any():
        corrections = np.where(told, _corrections(sent, clock, rules), 0)
        time = time + corrections
        outside = told & ((time < clock - rules.age) | (time > clock + rules.ahead))
        flags += np.where(outside, OUTSIDE, (corrections != 0) * CORRECTED)
        time = np.where(outside, clock, time)
    return pa.array(time), flags


def _corrections(sent: pa.ChunkedArray, clock: Any, rules: ClockRules) -> Ints | int:
    """By how much each clock is slow, in whole steps; 0 where it does not say, or too much to be believed."""
    if sent.null_count == len(sent):
        return 0
    slow = clock - pc.fill_null(sent, 0).to_numpy()
    return np.where(_there(sent) & (abs(slow) <= rules.most), _stepped(slow, rules), 0)


def correction(slow: int, rules: ClockRules) -> int:
    """By how much a clock that seems to be slow by so much (ms) is corrected; 0 where that is too much."""
    whole: int = _stepped(slow, rules)
    return whole if abs(slow) <= rules.most else 0


def _stepped(slow: Any, rules: ClockRules) -> Any:
    """The next whole step, of one number or of many."""
    step = max(1, rules.step)
    return (slow + step // 2) // step * step


def _there(column: Any) -> Mask:
    mask: Mask = np.asarray(pc.is_valid(column))
    return mask


def _filled(column: Any, value: int) -> Ints:
    numbers: Ints = np.asarray(pc.fill_null(column, value))
    return numbers
