"""A connection that breaks where a test says: a relay that stops after some bytes of an answer."""

import socket
import threading
from contextlib import suppress
from types import TracebackType

_STEP = 16_384


class Relay:
    """Passes connections on to a port of this machine. Each is cut, or held still, at the byte that `stop_at` says
    then; None lets it run. A held one is let go of with the relay, or when its client has died.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.stop_at: int | None = None
        self.hold = False
        self.stopped = threading.Event()
        self._over = threading.Event()

    def __enter__(self) -> "Relay":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server, suppress(OSError):
            threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
            left = self.stop_at
            while left != 0 and (data := server.recv(_STEP if left is None else min(left, _STEP))):
                client.sendall(data)
                left = None if left is None else left - len(data)
            if left == 0:
                self.stopped.set()
                if self.hold:
                    self._over.wait()
            client.shutdown(socket.SHUT_RDWR)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_STEP):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
