"""Amplitude's SDK for Python: every call that it has, once."""

import json
import sys
from typing import Any

from amplitude import Amplitude, BaseEvent, Config, EventOptions, Identify, Revenue

url, key = sys.argv[1:3]
WHEN = 1_767_323_045_678
heard = []
config = Config(
    server_url=url + sys.argv[3],
    min_id_length=1,
    flush_interval_millis=100,
    callback=lambda _event, code, _message=None: heard.append(code),
)
client = Amplitude(key, config)
options = {
    "user_id": "u1",
    "device_id": "d1",
    "session_id": WHEN - 1000,
    "time": WHEN,
    "app_version": "1.2.3",
    "platform": "iOS",
    "os_name": "ios",
    "os_version": "17",
    "device_brand": "Acme",
    "device_model": "A1",
    "carrier": "Tel",
    "country": "de",
    "region": "BE",
    "city": "Berlin",
    "language": "German",
    "location_lat": 52.5,
    "location_lng": 13.4,
    "ip": "198.51.100.7",
    "idfa": "A-1",
    "adid": "G-1",
}
properties = {"height": 1.5, "tags": ["a", "ü"]}


def said(call: str, id_: str | None, **given: Any) -> None:
    """Say what was sent."""
    print(json.dumps({"call": call, "id": id_, **given}))


client.track(BaseEvent("Jumped", event_properties=properties, insert_id="py-0", **options))
said("track", "py-0", event="Jumped", properties=properties, **options)
identify = Identify().set("plan", "pro").set("email", "u1@example.com").add("visits", 1).set_once("first", "news")
client.identify(identify, EventOptions(insert_id="py-1", **options))
said(
    "identify",
    "py-1",
    properties={"plan": "pro", "email": "u1@example.com"},
    later={"$add": {"visits": 1}, "$setOnce": {"first": "news"}},
)
revenue = Revenue(price=1.1, quantity=3, product_id="sword", currency="EUR")
client.revenue(revenue, EventOptions(insert_id="py-2", **options))
said("revenue", "py-2", amount=3.3, currency="EUR", product="sword")
client.group_identify("company", "acme", Identify().set("employees", 7), EventOptions(insert_id="py-3"))
said(
    "group_identify", "py-3", user_id="$company_acme", group={"company": "acme"}, properties={"$set": {"employees": 7}}
)
client.shutdown()
assert heard == [200] * 4, heard
