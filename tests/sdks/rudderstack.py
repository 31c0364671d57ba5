"""RudderStack's SDK for Python makes the calls that it is given, and prints the id of each."""

import json
import re
import sys
from datetime import datetime

from rudderstack.analytics.client import Client

url, key, calls = sys.argv[1:]
failed = []
client = Client(key, host=url, max_retries=2, on_error=lambda error, items: failed.append((error, items)))
for given in json.loads(calls):
    named = {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name): value for name, value in given.items()}
    named["timestamp"] = datetime.fromisoformat(named["timestamp"])
    taken, message = getattr(client, named.pop("call"))(**named)
    assert taken
    print(json.dumps({"id": message["messageId"]}))
client.shutdown()
assert not failed, failed
