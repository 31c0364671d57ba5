"""How the HTTP server of a command begins and ends, apart from what real processes show in tests/contract."""

import signal
import socket
import threading

import pytest

from tailrace.app import create_probes
from tailrace.cli.serving import Server, serving
from tailrace.wiring import House

WAIT_S = 30


@pytest.fixture
def backend() -> str:
    """It makes no difference here."""
    return "sqlite"


@pytest.mark.parametrize(("drain_ms", "signals"), [(0, 1), (1, 1), (3_600_000, 2)])
def test_a_signal_before_it_listens_is_not_lost(house: House, drain_ms: int, signals: int) -> None:
    """A server that is told to end while it starts ends; so it does once it has waited, or at the second signal."""
    server = Server(create_probes(house, []), "127.0.0.1", 0, drain_ms)
    for _ in range(signals):
        server.handle_exit(signal.SIGTERM, None)
    thread = threading.Thread(target=server.run)
    thread.start()
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_a_port_that_is_taken_is_an_error(house: House) -> None:
    """A worker that cannot answer probes says so at once, and does not work without."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use") as raised, serving(create_probes(house, []), "127.0.0.1", port):
            pass
    assert raised.value.filename == f"127.0.0.1:{port}"
