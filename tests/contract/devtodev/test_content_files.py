"""The files of the archive: columns as the document lists them, rows as what SDKs sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.ingest.discretion import Discretion
from tailrace.ingest.rates import open_rates
from tailrace.model.clock import DAY
from tailrace.model.predicates import Predicate
from tests.contract.devtodev.content import Cells, archive, basic, custom, native, project, report, said, standard
from tests.sending import T0, Row
from tests.unit.exports.conftest import wide
from tests.unit.exports.histories import Store

__all__ = ["wide"]
IDS: Row = {"deviceId": "d1", "userId": "u1"}
BORN = str(T0 // 1000)  # the user's first event, in seconds
ID = {"devtodev ID": "1"}
USER = {"isTester": "0", "cheat": "0", "install_date": BORN}
# The document's columns, in its order; where it has none, ours.
COLUMNS = {
    "gs": "devtodev ID,time,count,avg_duration,isTester,cheat,level,install_date",
    "ip": "devtodev ID,time,level,item_type,item,count,cheat,isTester,install_date",
    "rg": "devtodev ID,install_date",
    "lu": "devtodev ID,time,level,isTester,cheat,install_date,spent,earned,balance,bought",
    "uu": "devtodev ID,logged ip,os_version",
    "rp": "devtodev ID,date,level,transaction_id,transaction_name,amount_in_usd,status,install_date,isTester,cheat",
    "pe": "devtodev ID,time,level,location,success,prev_location,duration,difficulty,isTester,cheat,install_date,"
    "spent,earned",
    "sc": "devtodev ID,time,level,social,isTester,cheat,install_date",
    "sp": "devtodev ID,time,level,social,reason,isTester,cheat,install_date",
    "sbs_payments": "devtodev ID,date,level,transaction_id,transaction_name,amount_in_usd,install_date,isTester,cheat",
    "sbs": "devtodev ID,date,level,transaction_id,transaction_name,amount_in_usd,install_date,isTester,cheat,"
    "event_type,is_trial,original_transaction_id,start_date,expires_date",
    "tr": "devtodev ID,time,level,step,isTester,cheat,install_date",
    "adrv": "devtodev ID,time,level,network,placement,unit,revenue,source,isTester,cheat,install_date",
    "ud": "devtodev ID,idfa,idfv,advertisingId,androidId,open_udid",
}


@pytest.fixture(scope="module")
def told(wide: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A project of which nothing but standard events is known, one user's, and exchange rates."""
    rates = tmp_path_factory.mktemp("rates") / "rates.csv"
    rates.write_text("2026-01-01,EUR,1.05\n2027-01-01,EUR,2\n")
    with project(wide, tmp_path_factory.mktemp("told") / "data") as store:
        discretion = Discretion(ip="full", rates=open_rates(str(rates)))
        report(store, *EVENTS, ids=IDS, discretion=discretion, **PACKAGE)
        yield store


PACKAGE: Row = {"language": "en", "country": "US", "ip": "154.12.121.11", "appVersion": "1.0"}
DAYS = {"startDateMs": T0, "expiresDateMs": T0 + 30 * DAY}
EVENTS = (
    said("ss"),
    said("rg", T0 + 1),
    said("di", T0 + 2, os="iOS", osVersion="17.4", idfa="A-1", idfv="V-1", openUdid="O-1"),
    said("lu", T0 + 3, level=8, spent={"Coins": 90, "Gold": 10}, earned={"Coins": 5.5}, balance={}, bought={"Gold": 1}),
    said("tr", T0 + 4, step=-2),
    said("pe", T0 + 5, name="Cave, deep", source="Door", difficulty=2, success=False, duration=61.25, spent={"Ü": 1}),
    said("pe", T0 + 6, name="Hall", success=True, duration=60),
    said("vp", T0 + 7, purchaseId="sword", purchaseType="arms", purchaseAmount=2,
         purchasePrice={"Gold": 3, "Coins": 9}),
    said("vp", T0 + 8, purchaseId="hat", purchaseType='a "hat"', purchaseAmount=1, purchasePrice={"level": 4}),
    said("rp", T0 + 9, orderId="o1", productId="pack", price=9.99, currencyCode="EUR"),
    said("rp", T0 + 10, orderId="o2", productId="pack", price=3, currencyCode="USD", isTester=True, isCheater=True),
    said("rp", T0 + 11, orderId="o3", productId="pack", price=3, currencyCode="XXQ"),
    said("sc", T0 + 12, socialNetwork="fb"),
    said("sp", T0 + 13, socialNetwork="fb", postReason="won"),
    said("sbs", T0 + 14, notificationType="purchase", transactionId="t1", product="pro", price=0, currency="USD",
         isTrial=True, **DAYS),
    said("sbs", T0 + 15, notificationType="renewal", transactionId="t2", originalTransactionId="t1", product="pro",
         price=10, currency="EUR"),
    said("sbs", T0 + 16, notificationType="refund", transactionId="t3", product="pro", price=10, currency="USD"),
    said("sbs", T0 + 17, notificationType="cancellation", transactionId="t4", product="pro"),
    said("adrv", T0 + 18, network="net", placement="end", unit="u", revenue=0.0123, source="sdk"),
    said("ue", T0 + 60_000, length=59.5),
)  # fmt: skip


FIXED = ("devtodev ID", "time", "level", "isTester", "cheat", "install_date")


def row(time: int | None, name: str = "time", level: str = "7", **cells: str) -> Cells:
    """A row of the one user: the time `name` is that of an event."""
    return ID | ({name: str(T0 + time), "level": level} if time is not None else {}) | cells


def paid(time: int, transaction: str, amount: str, product: str = "pack", **cells: str) -> Cells:
    """A row of money."""
    money = {"transaction_id": transaction, "transaction_name": product, "amount_in_usd": amount}
    return row(time, "date") | money | USER | cells


def bought(time: int, transaction: str, amount: str, action: str, **cells: str) -> Cells:
    """A row of subscriptions."""
    nothing = dict.fromkeys(("original_transaction_id", "start_date", "expires_date"), "")
    return paid(time, transaction, amount, "pro") | {"event_type": action, "is_trial": "0"} | nothing | cells


RENEWED, REFUNDED = paid(15, "t2", "10.5", "pro"), paid(16, "t3", "-10.0", "pro")
NO_AMOUNTS = {"spent": "", "earned": ""}
PLACE = {"prev_location": "", "difficulty": ""}
ROWS: dict[str, list[Cells]] = {
    "gs": [
        row(0) | {"count": "1", "avg_duration": ""} | USER,
        row(60_000) | {"count": "", "avg_duration": "59.5"} | USER,
    ],
    "ip": [
        row(7, item_type="arms", item="sword", count="2", Coins="9", Gold="3", **USER) | {"params.prices.level": ""},
        row(8, item_type='a "hat"', item="hat", count="1", Coins="", Gold="", **USER) | {"params.prices.level": "4"},
    ],
    "rg": [ID | {"install_date": BORN}],
    "lu": [row(3, level="8", spent="Coins: 90, Gold: 10", earned="Coins: 5.5", balance="", bought="Gold: 1", **USER)],
    "uu": [ID | {"logged ip": "154.12.121.0", "os_version": "17.4"}],
    "rp": [
        paid(9, "o1", "10.4895", status="valid"),
        paid(10, "o2", "3.0", status="valid", isTester="1", cheat="1"),
        paid(11, "o3", "", status="valid"),
    ],
    "pe": [
        row(5, location="Cave, deep", success="false", prev_location="Door", duration="61.25", difficulty="2", **USER)
        | {"spent": "Ü: 1", "earned": ""},
        row(6, location="Hall", success="true", duration="60", **USER) | PLACE | NO_AMOUNTS,
    ],
    "sc": [row(12, social="fb", **USER)],
    "sp": [row(13, social="fb", reason="won", **USER)],
    "sbs_payments": [RENEWED, REFUNDED],
    "sbs": [
        bought(14, "t1", "0.0", "purchase", is_trial="1", start_date=str(T0), expires_date=str(T0 + 30 * DAY)),
        bought(15, "t2", "10.5", "renewal", original_transaction_id="t1"),
        bought(16, "t3", "-10.0", "refund"),
        bought(17, "t4", "", "cancellation"),
    ],
    "tr": [row(4, step="-2", **USER)],
    "adrv": [row(18, network="net", placement="end", unit="u", revenue="0.0123", source="sdk", **USER)],
    "ud": [ID | {"idfa": "A-1", "idfv": "V-1", "advertisingId": "", "androidId": "", "open_udid": "O-1"}],
}


def test_every_standard_event_as_it_was_sent(told: Store) -> None:
    """Each file has the document's columns in its order and a row per event that the SDK sent, in the units of the
    document; the currencies that appear are columns of purchases, an unknown exchange rate leaves its cell empty.
    """
    found = archive(told, *map(basic, COLUMNS))
    assert found is not None
    assert found.names == ["users.csv", *(f"{name}.csv" for name in COLUMNS)]
    spread = {"ip": ["Coins", "Gold", "params.prices.level"]}
    for name, columns in COLUMNS.items():
        assert found.header(name) == [*columns.split(","), *spread.get(name, [])], name
        assert found[name] == ROWS[name], name


def test_the_window_is_half_open_and_goes_by_the_event(told: Store) -> None:
    """An event at its start is in it, one at its end is not."""
    found = archive(told, basic("rp"), start=T0 + 9, end=T0 + 11)
    assert found is not None
    assert [one["transaction_id"] for one in found["rp"]] == ["o1", "o2"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [("203.0.113.77", "203.0.113.0"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("no address", ""), (None, "")],
)
def test_addresses_lose_their_last_part(wide: Path, tmp_path: Path, address: str | None, shown: str) -> None:
    """The last number of IPv4, all beyond the network of IPv6, even where policy keeps addresses whole."""
    with project(wide, tmp_path / "data") as store:
        package: Row = {} if address is None else {"ip": address}
        report(store, said("di", osVersion="1"), ids=IDS, discretion=Discretion(ip="full"), **package)
        found = archive(store, basic("uu"))
        assert found is not None
        assert found["uu"] == [ID | {"logged ip": shown, "os_version": "1"}]


@pytest.fixture(scope="module")
def mixed(wide: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A project whose custom events look like standard ones."""
    with project(wide, tmp_path_factory.mktemp("mixed") / "data") as store:
        native(
            store,
            standard("Level Up", T0, level=2),
            standard("Level Up", T0 + 1, level=3, kind=None, params={"spent": {"Coins": 1}, "n": 5}),
            standard("shot", T0 + 2, kind="track", params={"n": 5, "b": True, "text": "x,\"y\"\r\nz", "none": None}),
            standard("shot", T0 + 3, kind=None, params={"n": "7", "list": [1, {"a": 2}], "level": 9, "ä": 1.50}),
            standard("shot", T0 + 4, kind=None, device_id="d2", is_tester=True),
            standard("shot", T0 + 5, kind="identify"),
            standard("gs", T0 + 6, kind=None, params={"n": 1}),
            standard("Session Started", T0 + 7, device_id="d3"),
        )  # fmt: skip
        yield store


def test_custom_events_that_look_like_standard_ones(mixed: Store) -> None:
    """The kind of an event decides, not its name; and `gs` of the app does not take the place of sessions."""
    found = archive(mixed, custom("gs"), custom("Level Up"), basic("lu"), basic("gs"))
    assert found is not None
    assert found.names == ["users.csv", "lu.csv", "gs.csv", "gs-2.csv", "Level Up.csv"]
    assert [one["level"] for one in found["lu"]] == ["2"]
    assert [one["count"] for one in found["gs"]] == ["1"]
    assert [one["n"] for one in found["gs-2"]] == ["1"]
    assert [(one["n"], one["spent"]) for one in found["Level Up"]] == [("5", '{"Coins": 1}')]


def test_parameters_are_columns(mixed: Store) -> None:
    """In order of their names, as they were sent: texts are themselves, all else is its JSON, null is nothing; one that
    is called like a column before it stands apart.
    """
    found = archive(mixed, custom("shot"))
    assert found is not None
    own = ["b", "list", "n", "none", "params.level", "text", "ä"]
    assert found.header("shot") == [*FIXED, *sorted(own, key=lambda name: name.removeprefix("params."))]
    cells = [{name: one[name] for name in own} for one in found["shot"]]
    empty = dict.fromkeys(own, "")
    assert cells == [
        empty | {"n": "5", "b": "true", "text": 'x,"y"\r\nz'},
        empty | {"n": "7", "list": '[1, {"a": 2}]', "params.level": "9", "ä": "1.5"},
        empty,
    ]
    assert [one["isTester"] for one in found["shot"]] == ["0", "0", "1"]


def test_the_same_event_in_several_files(mixed: Store) -> None:
    """Each has the events of its own filters, none takes them from another; users are those of any of them."""
    five, seven = Predicate("n", None, "eq", (5,)), Predicate("n", None, "gte", (6,))
    found = archive(
        mixed, custom("shot", five, alias="five"), custom("shot", seven, alias="more"), custom("shot", five, seven)
    )
    assert found is not None
    assert found.names == ["users.csv", "five.csv", "more.csv", "shot.csv"]
    counts = {name: [one["n"] for one in found[name]] for name in ("five", "more", "shot")}
    assert counts == {"five": ["5"], "more": ["7"], "shot": []}
    assert [one["Main ID"] for one in found["users"]] == ["d1"]


def test_files_without_rows(mixed: Store) -> None:
    """An event that was named has its header; one of a group has no file; and with no event at all there is none."""
    found = archive(mixed, basic("lu"), basic("rp"), basic("sp", named=False), custom("never"))
    assert found is not None
    assert found.names == ["users.csv", "lu.csv", "rp.csv", "never.csv"]
    assert (found["rp"], found["never"]) == ([], [])
    assert archive(mixed, basic("rp"), custom("never")) is None


def test_the_same_request_gives_the_same_bytes(mixed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the batches are that it is made of; another order of names changes only the order of files."""
    from tailrace.store import batches

    wanted: Any = (custom("shot"), basic("lu"), custom("gs"))
    before, again = archive(mixed, *wanted), archive(mixed, *wanted)
    assert before is not None
    assert again is not None
    monkeypatch.setattr(batches, "BATCH_EVENTS", 2)
    small = archive(mixed, *wanted)
    assert small is not None
    assert before.data == again.data == small.data
