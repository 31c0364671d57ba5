"""Exchange rates: a dated table in a file, by which amounts are converted when they are received."""

import os
from pathlib import Path
from typing import Any

import pytest

from tailrace.ingest.accept import Door, Origin
from tailrace.ingest.discretion import Discretion
from tailrace.ingest.doubts import doubts
from tailrace.ingest.protocols.native import draft_records
from tailrace.ingest.rates import Rates, open_rates
from tailrace.model.access import Scope
from tailrace.model.clock import DAY
from tailrace.model.errors import Invalid
from tailrace.model.shards import initial_shards
from tailrace.store.records import in_arrow
from tests.sending import T0, event
from tests.unit.ingest.deciding import decided

TABLE = "# day, currency, dollars\n2026-01-01,EUR,1.05\n2026-01-03,EUR,1.10\n\n2026-01-01,jpy, 0.0064\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of rates."""
    path = tmp_path / "rates.csv"
    path.write_text(TABLE)
    return path


def taken(rates: Rates, at: int, *sent: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """What is stored of the money of some records, and the warnings about them."""
    import json

    scope = Scope(1, 1, "sp_1", "app_1")
    door = Door(scope, initial_shards(0), 1 << 20, 1 << 20, 1 << 20, discretion=Discretion(rates=rates))
    raws = [json.dumps(event("Payment", T0 + n, kind="standard") | one).encode() for n, one in enumerate(sent)]
    draft = draft_records(raws, None)
    outcome = decided(door, draft, raws, Origin("events", "{}"), at)
    (records,) = (table for some in outcome.submission.records.values() for table in in_arrow(some))
    names = [name for name in ("amount", "currency", "amount_usd", "usd_rate") if name in records.column_names]
    return records.select(names).to_pylist(), [one.reason for one in doubts(draft, outcome.rejected, rates, at)]


@pytest.mark.parametrize(("at", "rate"), [(T0, 1.05), (T0 + DAY, 1.10), (T0 + 300 * DAY, 1.10)])
def test_the_rate_of_the_moment_of_receipt_counts(table: Path, at: int, rate: float) -> None:
    """The event's own time decides nothing; amount, currency and rate are kept beside what came out."""
    ((euro, yen), warnings) = taken(open_rates(str(table)), at, {"amount": 9.99, "currency": "EUR"}, {
        "amount": 1200.0, "currency": "JPY"
    })  # fmt: skip
    assert euro == {"amount": 9.99, "currency": "EUR", "amount_usd": round(9.99 * rate, 6), "usd_rate": rate}
    assert yen == {"amount": 1200.0, "currency": "JPY", "amount_usd": 7.68, "usd_rate": 0.0064}
    assert warnings == []


def test_what_needs_no_rate_and_what_has_none(table: Path) -> None:
    """US dollars are themselves, what the sender converted stays, an unknown currency or day gives nothing but a
    warning.
    """
    rates = open_rates(str(table))
    known, warnings = taken(
        rates,
        T0 - 10 * DAY,
        {"amount": 5.0, "currency": "USD"},
        {"amount": 5.0, "currency": "EUR", "amount_usd": 6.0},
        {"amount": 5.0, "currency": "EUR"},
        {"amount": 5.0, "currency": "XXQ"},
        {"amount": 5.0},
    )
    assert [(row["amount_usd"], row["usd_rate"]) for row in known] == [
        (5.0, None),
        (6.0, None),
        (None, None),
        (None, None),
        (None, None),
    ]
    assert [reason.partition(";")[0] for reason in warnings] == [
        "currency: no exchange rate of 'EUR' is known",
        "currency: no exchange rate of 'XXQ' is known",
    ]


def test_a_file_that_changes_is_read_again(table: Path) -> None:
    """New rates count from then on; a file that is spoilt leaves the old ones in force."""
    rates = open_rates(str(table))
    assert rates.of("EUR", T0) == 1.05
    table.write_text("2026-01-01,EUR,1.2\n2026-01-01,CHF,1.1\n")
    os.utime(table, ns=(1, 1))
    assert (rates.of("EUR", T0), rates.of("chf", T0)) == (1.2, 1.1)
    table.write_text("what is this")
    assert rates.of("EUR", T0) == 1.2
    table.write_text("2026-01-01,EUR,1.3\n")
    assert rates.of("EUR", T0) == 1.3


@pytest.mark.parametrize(
    "line", ["2026-13-01,EUR,1", "2026-01-01,EURO,1", "2026-01-01,EUR,nan", "2026-01-01,EUR,-1", "x"]
)
def test_a_setting_that_names_no_table_is_refused(table: Path, line: str) -> None:
    """At the start, with the line that is wrong; a file that is not there, too."""
    table.write_text(f"2026-01-01,EUR,1.05\n{line}\n")
    with pytest.raises(Invalid, match="line 2"):
        open_rates(str(table))
    with pytest.raises(Invalid, match="cannot be read"):
        open_rates(str(table.with_name("none")))
