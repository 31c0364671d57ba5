"""PostHog's SDK for Python: what it captures, in the way of sending that its environment chooses."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

from posthog import Posthog, new_context, set_context_session

url, key = sys.argv[1:3]
mode = sys.argv[3] if len(sys.argv) > 3 else "v0"
WHEN = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
failed = []
client = Posthog(
    key, host=url, gzip=True, max_retries=1, on_error=lambda error, _items: failed.append(error), capture_mode=mode
)


def said(call: str, id_: str | None, **given: Any) -> None:
    """Say what was sent, if it was taken."""
    assert id_, call
    print(json.dumps({"call": call, "id": id_, **given}))


properties = {"height": 1.5, "tags": ["a", "ü"], "revenue": 9.99, "currency": "EUR"}
with new_context():
    set_context_session("s1")
    sent = client.capture("Jumped", distinct_id="u1", properties=properties, timestamp=WHEN)
said("capture", sent, event="Jumped", user_id="u1", session_id="s1", properties=properties)
traits = {"email": "u1@example.com", "plan": "pro"}
said("set", client.set(distinct_id="u1", properties=traits, timestamp=WHEN), user_id="u1", properties=traits)
once = {"first": "news"}
said("set_once", client.set_once(distinct_id="u1", properties=once, timestamp=WHEN), user_id="u1", properties=once)
said("alias", client.alias(previous_id="anon-0", distinct_id="u1", timestamp=WHEN), user_id="anon-0", alias="u1")
group = {"group_type": "company", "group_key": "acme", "properties": {"employees": 7}}
said("group_identify", client.group_identify(**group, distinct_id="u1", timestamp=WHEN), user_id="u1", **group)
sent = client.capture("Nobody's", timestamp=WHEN)
said("anonymous", sent, event="Nobody's")
client.shutdown()
assert not failed, failed
assert client.get_all_flags("u1") == {}
