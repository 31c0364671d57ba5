"""Segment's SDK for Python: every call that it has, once."""

import json
import sys
from datetime import UTC, datetime

from segment.analytics import Client

url, key = sys.argv[1:]
WHEN = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
failed = []
client = Client(key, host=url, gzip=True, max_retries=2, on_error=lambda error, items: failed.append((error, items)))
context = {
    "app": {"name": "Waves", "version": "1.2.3", "build": "45"},
    "device": {"id": "dev-1", "manufacturer": "Acme", "model": "A1", "name": "One", "type": "android"},
    "os": {"name": "Android", "version": "14"},
    "screen": {"width": 1080, "height": 2400, "density": 2.6},
    "locale": "de_DE",
    "timezone": "Europe/Berlin",
    "network": {"wifi": True},
    "ip": "198.51.100.7",
    "location": {"country": "DE", "region": "BE", "city": "Berlin", "latitude": 52.5, "longitude": 13.4},
    "campaign": {"name": "spring", "source": "news", "medium": "mail", "term": "waves", "content": "top"},
}
# A library adds itself to the context that it is given, so each call gets one of its own.
calls = {
    "identify": {"user_id": "u1", "traits": {"email": "u1@example.com", "gender": "female", "plan": "pro"}},
    "track": {"user_id": "u1", "event": "Jumped", "properties": {"height": 1.5, "tags": ["a", "ü"]}},
    "page": {"user_id": "u1", "category": "Docs", "name": "Home", "properties": {"url": "https://example.com/a"}},
    "screen": {"user_id": "u1", "category": "Game", "name": "Level", "properties": {"n": 3}},
    "group": {"user_id": "u1", "group_id": "g1", "traits": {"name": "Acme Inc", "employees": 7}},
    "alias": {"user_id": "u1", "previous_id": "anon-0"},
}
for n, (call, given) in enumerate(calls.items()):
    more = {} if call == "alias" else {"anonymous_id": "a1"}
    taken, _ = getattr(client, call)(
        **given, **more, message_id=f"py-{n}", timestamp=WHEN, context=json.loads(json.dumps(context))
    )
    assert taken, call
    print(json.dumps({"call": call, "id": f"py-{n}", **given}))
client.shutdown()
assert not failed, failed
