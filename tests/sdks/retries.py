"""One of the SDKs for Python sends three batches, one after the other, as often as it sees fit: how often it tries and
how long it waits are its own defaults. Each event that it believes to be sent is printed.
"""

import json
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

url, key, sdk, first, when = sys.argv[1:]
failed: list[object] = []
Batch = list[tuple[str, int, datetime]]
Send = Callable[[Batch], None]


def of_messages(client_of: Callable[..., object]) -> Send:
    """Two SDKs that are called alike."""
    client = client_of(key, host=url, on_error=lambda error, _items: failed.append(error))

    def send(batch: Batch) -> None:
        for id_, n, at in batch:
            client.track(anonymous_id="d1", event="tick", properties={"n": n}, timestamp=at, message_id=id_)
        client.flush()

    return send


def segment() -> Send:
    """Segment's."""
    from segment.analytics import Client

    return of_messages(Client)


def rudderstack() -> Send:
    """RudderStack's."""
    from rudderstack.analytics.client import Client

    return of_messages(Client)


def posthog() -> Send:
    """PostHog's."""
    from posthog import Posthog

    client = Posthog(key, host=url, on_error=lambda error, _items: failed.append(error))

    def send(batch: Batch) -> None:
        for id_, n, at in batch:
            assert client.capture("tick", distinct_id="d1", properties={"n": n}, timestamp=at, uuid=id_) == id_
        client.flush(None)

    return send


def amplitude() -> Send:
    """Amplitude's; it says of each event what became of it."""
    from amplitude import Amplitude, BaseEvent, Config

    heard = threading.Semaphore(0)

    def hear(_event: object, code: int, message: object = None) -> None:
        if code != 200:
            failed.append((code, message))
        heard.release()

    client = Amplitude(key, Config(server_url=f"{url}/2/httpapi", flush_interval_millis=100, callback=hear))

    def send(batch: Batch) -> None:
        for id_, n, at in batch:
            options = {"device_id": "d1", "insert_id": id_, "time": int(at.timestamp() * 1000)}
            client.track(BaseEvent("tick", event_properties={"n": n}, **options))
        for _ in batch:
            assert heard.acquire(timeout=30)

    return send


send = {"segment": segment, "rudderstack": rudderstack, "posthog": posthog, "amplitude": amplitude}[sdk]()
for start in range(int(first), int(first) + 15, 5):
    batch = [
        (str(uuid.uuid4()), n, datetime.fromtimestamp(int(when) / 1000 + n % 1000, UTC))
        for n in range(start, start + 5)
    ]
    send(batch)
    assert not failed, failed
    for id_, n, at in batch:
        print(json.dumps({"id": id_, "n": n, "time": round(at.timestamp() * 1000)}))
    time.sleep(0.1)  # what is flushed is out of the queue, and its last answer may be on its way
assert not failed, failed
