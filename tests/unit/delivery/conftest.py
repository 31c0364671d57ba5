"""Stores whose exports are delivered, on the embedded database unless a module says otherwise."""

from collections.abc import Iterator

import pytest

from tailrace.model.access import Scope
from tailrace.wiring import House
from tests.sending import T0, event, in_threads, seal, send
from tests.unit.delivery.dispatch import Dispatch, Receiver, receiving, with_settings

SENT = [event("a", T0), event("b", T0 + 1000, params={"n": 1}), event("c", T0 + 2000)]


@pytest.fixture
def backend() -> str:
    """One database: the rows of deliveries are changed by the statements of all other rows."""
    return "sqlite"


@pytest.fixture
def dispatch(house: House, scope: Scope) -> Dispatch:
    """A store with three events."""
    send(house, scope, SENT)
    seal(house, scope)
    return Dispatch(with_settings(in_threads(house, 1), allow_networks="127.0.0.0/8"), scope)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiving() as one:
        yield one
