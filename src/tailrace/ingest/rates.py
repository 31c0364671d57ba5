"""Rates: what a unit of a currency is in US dollars, by a dated table in a local file. Nothing is fetched.

Each line is a date, a currency and US dollars per unit, such as ``2026-01-02,EUR,1.0856``. A rate holds from the
beginning of its day (UTC) until the next one of its currency. The file is read again when it has changed.
"""

import csv
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import repeat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tailrace.logs import log
from tailrace.model.clock import DAY
from tailrace.model.errors import Invalid

_SETTING = "ingest.exchange_rates"
_EPOCH = date(1970, 1, 1).toordinal()
_CODE = 3  # letters
DOLLARS = "USD"
DECIMALS = 6  # of what is converted


@dataclass(frozen=True, slots=True)
class Dated:
    """The rates of a currency in order of their days, which are counted from 1970."""

    days: Sequence[int]
    rates: Sequence[float]

    def at(self, day: int) -> float | None:
        """The one that holds on a day."""
        place = bisect_right(self.days, day)
        return self.rates[place - 1] if place else None


@dataclass(slots=True)
class Rates:
    """The table of a file; without one, nothing is known. Threads may share it."""

    path: Path | None = None
    _of: Mapping[str, Dated] = field(default_factory=dict)
    _seen: tuple[int, int] | None = None
    _told: set[str] = field(default_factory=set)

    def __hash__(self) -> int:
        return id(self)

    def of(self, currency: str, at: int) -> float | None:
        """US dollars per unit of a currency at an instant (ms); None if that is not known."""
        self._refresh()
        dated = self._of.get(currency.upper())
        return None if dated is None else dated.at(at // DAY)

    def warn(self, currency: str) -> None:
        """Say once of each currency that it has no rate."""
        code = currency.upper() if len(currency) == _CODE and currency.isalpha() and currency.isascii() else "other"
        if code not in self._told:
            self._told.add(code)
            log.warning("ingest.no_exchange_rate", currency=code)

    def _refresh(self) -> None:
        """Read the file if it has changed; one that cannot be read leaves the rates as they were."""
        if self.path is None or (seen := _stamp(self.path)) == self._seen:
            return
        self._seen = seen
        try:
            self._of = _read(self.path)
        except (OSError, ValueError) as error:
            log.warning("ingest.exchange_rates_unreadable", why=str(error))


UNKNOWN = Rates()


def open_rates(path: str) -> Rates:
    """The table of the setting `ingest.exchange_rates`; empty: none.

    Raises:
        Invalid: it cannot be read, or is no such table.
    """
    if not path:
        return UNKNOWN
    try:
        return Rates(Path(path), _read(Path(path)), _stamp(Path(path)))
    except OSError as error:
        raise Invalid(_SETTING, f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise Invalid(_SETTING, f"{path}: {error}") from None


def in_dollars(table: pa.Table, rates: Rates, at: int) -> dict[str, pa.Array]:
    """The columns `amount_usd` and `usd_rate` of records that say an amount; what the sender converted stays so."""
    if not {"amount", "currency"} <= set(table.column_names):
        return {}
    amount, given = table["amount"].combine_chunks(), _given(table)
    wanted = pc.and_(pc.is_valid(amount), pc.is_null(given))
    coded = pc.if_else(wanted, table["currency"].combine_chunks(), pa.scalar(None, pa.string())).dictionary_encode()
    names = coded.dictionary.to_pylist()
    known = [1.0 if name.upper() == DOLLARS else rates.of(name, at) for name in names]
    for name, rate in zip(names, known, strict=True):
        if rate is None:
            rates.warn(name)
    used = pa.array(known, pa.float64()).take(coded.indices)
    shown = [None if name.upper() == DOLLARS else rate for name, rate in zip(names, known, strict=True)]
    usd = pc.round(pc.multiply(amount, used), DECIMALS)
    return {"amount_usd": pc.coalesce(given, usd), "usd_rate": pa.array(shown, pa.float64()).take(coded.indices)}


def without_rate(columns: Mapping[str, Sequence[Any]], rates: Rates, at: int) -> list[tuple[int, str]]:
    """The records that say an amount in a currency without a rate: their row, and the currency."""
    amounts, currencies = columns.get("amount", ()), columns.get("currency", ())
    said = enumerate(zip(amounts, currencies, columns.get("amount_usd", repeat(None)), strict=False))
    wanted = [(row, name) for row, (amount, name, usd) in said if None not in (name, amount) and usd is None]
    names = {name for _, name in wanted if name.upper() != DOLLARS}
    without = {name for name in names if rates.of(name, at) is None}
    return [(row, name) for row, name in wanted if name in without]


def _given(table: pa.Table) -> pa.Array:
    if "amount_usd" in table.column_names:
        return table["amount_usd"].combine_chunks()
    return pa.nulls(table.num_rows, pa.float64())


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes with a file; None if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _read(path: Path) -> dict[str, Dated]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return _table(csv.reader(file))


def _table(lines: Iterable[list[str]]) -> dict[str, Dated]:
    """The rates by currency. Lines that are empty or begin with `#` are none.

    Raises:
        ValueError: a line is no rate.
    """
    found: dict[str, dict[int, float]] = {}
    for number, line in enumerate(lines, 1):
        if line and not line[0].lstrip().startswith("#"):
            day, currency, rate = _rate(line, number)
            found.setdefault(currency, {})[day] = rate
    return {name: Dated(sorted(rates), [rates[day] for day in sorted(rates)]) for name, rates in found.items()}


def _rate(line: list[str], number: int) -> tuple[int, str, float]:
    try:
        day, currency, text = (cell.strip() for cell in line)
        rate = float(text)
        if not math.isfinite(rate) or rate <= 0 or len(currency) != _CODE:
            raise ValueError
        return date.fromisoformat(day).toordinal() - _EPOCH, currency.upper(), rate
    except ValueError:
        raise ValueError(f"line {number} is no rate such as 2026-01-02,EUR,1.0856") from None
