"""A sender of events: some connections that post made batches as fast as they are acknowledged, or at a given rate.

    python -m bench.sender URL KEY --size N --seconds S [--connections N] [--rate EVENTS] [--events N]

Prints a line of JSON: events acknowledged, seconds, and percentiles of how long an acknowledgement took, in ms. Each
round over the made sessions has ids of its own; devices come back after some rounds, as users do.
"""

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tailrace.cli.traffic import APPS, batches

ROUND_EVENTS = 60_000
ROUND, DEVICE = b"~~~~~~~~", b"^^"
DEVICE_ROUNDS = 32
BUFFER = 1 << 16


class Connection:
    """One sender: posts its share of the bodies, round by round."""

    def __init__(self, url: str, key: str, bodies: list[bytes], counts: list[int]) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"POST /v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-length: "
        self._bodies, self._counts = bodies, counts
        self.acknowledged = 0
        self.took: list[float] = []
        self.failed = True  # until it has come to its end

    def run(self, until: float, pause: float, most: int) -> None:
        """Post until an instant of the clock, one batch each `pause` seconds at most, `most` events at most."""
        due = time.perf_counter()
        for body, count in self._rounds():
            due = max(due + pause, time.perf_counter()) if pause else 0
            if time.perf_counter() >= until or self.acknowledged >= most:
                self.failed = False
                return
            if pause:
                time.sleep(max(0.0, due - time.perf_counter()))
            begin = time.perf_counter()
            self._post(body)
            self.took.append(time.perf_counter() - begin)
            self.acknowledged += count

    def _rounds(self) -> Iterator[tuple[bytes, int]]:
        number = time.time_ns() // 1_000_000 % 10_000_000  # no two runs share ids
        while True:
            number += 1
            tag, device = f"{number:08d}".encode(), f"{number % DEVICE_ROUNDS:02d}".encode()
            for body, count in zip(self._bodies, self._counts, strict=True):
                yield body.replace(ROUND, tag).replace(DEVICE, device), count

    def _post(self, body: bytes) -> None:
        self._socket.sendall(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _, rest = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(head.decode() + rest.decode())
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += self._more()

    def _more(self) -> bytes:
        if not (more := self._socket.recv(BUFFER)):
            raise ConnectionError("the server closed the connection")
        return more


def made(size: int) -> Iterator[tuple[bytes, int]]:
    """Batches of one round with places for what differs from round to round, and how many events each has."""
    for batch in batches(APPS[0], until_ms=int(time.time() * 1000), days=1, events=ROUND_EVENTS, size=size):
        yield json.dumps({"batch": [_marked(record) for record in batch]}).encode(), len(batch)


def _marked(record: dict[str, Any]) -> dict[str, Any]:
    marks = dict.fromkeys(("id", "session_id"), ROUND.decode()) | dict.fromkeys(
        ("device_id", "user_id"), DEVICE.decode()
    )
    return record | {name: mark + record[name] for name, mark in marks.items() if name in record}


def main() -> None:
    """Send, and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("url")
    options.add_argument("key")
    options.add_argument("--size", type=int, required=True, help="events of a batch")
    options.add_argument("--seconds", type=float, required=True, help="how long")
    options.add_argument("--connections", type=int, default=4)
    options.add_argument("--rate", type=float, default=0, help="events per second; as many as go through without it")
    options.add_argument("--events", type=int, default=sys.maxsize, help="end after so many")
    asked = options.parse_args()
    share = [list(made(asked.size))[n :: asked.connections] for n in range(asked.connections)]
    senders = [Connection(asked.url, asked.key, *map(list, zip(*part, strict=True))) for part in share]
    pause = asked.size * asked.connections / asked.rate if asked.rate else 0
    begin = time.perf_counter()
    what = (begin + asked.seconds, pause, asked.events // asked.connections)
    threads = [threading.Thread(target=sender.run, args=what) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - begin
    if any(sender.failed for sender in senders):
        sys.exit("a connection failed; see above")
    took = sorted(t for sender in senders for t in sender.took)
    shares = {f"p{n}": took[min(len(took) - 1, len(took) * n // 100)] * 1000 for n in (50, 99)}
    acknowledged = sum(sender.acknowledged for sender in senders)
    print(json.dumps({"events": acknowledged, "seconds": spent, **shares, "most": took[-1] * 1000}))


if __name__ == "__main__":
    main()
