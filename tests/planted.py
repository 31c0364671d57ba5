"""Credentials that journeys plant, and requests in which they travel."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_IN_CLEAR = "an SDK holds it; admins are shown it again, so it is kept in clear by design"
_KEPT = "what is sent as an event and cannot be read is kept as it came, as a dead letter"
INBOX: Mapping[str, str] = {"table dead_letters": _KEPT, "file inbox.db": _KEPT, "file inbox.db-wal": _KEPT}
APPS: Mapping[str, str] = {
    "table apps": _IN_CLEAR,
    "look /v1/apps": _IN_CLEAR,
    "file meta.db": _IN_CLEAR,
    "file meta.db-wal": _IN_CLEAR,
}


@dataclass(frozen=True)
class Plant:
    """A credential; `may_be` says in which places it is found all the same, and why."""

    name: str
    text: str
    may_be: Mapping[str, str] = field(default_factory=dict)


PLANTS: Mapping[str, Plant] = {
    plant.name: plant
    for plant in (
        Plant("write key", "wk_PLANTED_b7c1e0", APPS),
        Plant("api key", "APIKEYPLANTED0a91f3", APPS),
        Plant("export key", "ek_PLANTED_93ddc2"),
        Plant("token", "tok_PLANTED_5f20ab"),
        Plant("password", "planted-horse-c41d77"),
        Plant("wrong password", "planted-donkey-18b6e9"),
        Plant("unknown token", "tok_STRANGE_70aa31"),
        Plant("session cookie", "cookie_PLANTED_2be801"),
        Plant("csrf", "csrf_PLANTED_c0ffd4"),
        Plant("signature", "sig_PLANTED_aa4471"),
        Plant("set-up token", "setup_PLANTED_6d6d19"),
        Plant("s3 secret", "s3_PLANTED_e81be2"),
        Plant("database password", "pg_PLANTED_4ac9f7"),
        Plant("loose token", "tok_LOOSE_8dd0c5"),
        Plant("password of the first admin", "planted-otter-5b90d2"),
        Plant("new password", "planted-badger-e7f316"),
        Plant("password of a user", "planted-weasel-04c8ab"),
        Plant("changed password of a user", "planted-marten-93d1fe"),
        Plant("short password", "plnt-7f3a"),
        Plant("tenant's s3 id", "AKIAPLANTED77c0d2"),
        Plant("tenant's s3 secret", "tenant_s3_PLANTED_4be1a9"),
        Plant("tenant's s3 session", "tenant_session_PLANTED_0c5d8e"),
        Plant("path of a webhook", "hook_PLANTED_d19b40"),
        Plant("secret of a webhook", "whsec_UExBTlRFRC13ZWJob29rLXNlY3JldC0wMDE3"),
        Plant("loose webhook", "hook_LOOSE_6a2f71"),
        Plant("token in an event", "tok_EVENT_31fe5d", INBOX),
    )
}
T = {name: plant.text for name, plant in PLANTS.items()}

PROVISIONING = f"""
[[spaces]]
id = "acme"
[[spaces.apps]]
id = "app_waves"
api_key = "{T["api key"]}"
write_key = "{T["write key"]}"
export_key = "{T["export key"]}"
[[spaces.users]]
email = "ana@example.com"
role = "admin"
password = "{T["password"]}"
[[spaces.tokens]]
value = "{T["token"]}"
user = "ana@example.com"
[limits]  # so that there are too many wrong passwords however long it takes
"logins.burst" = 20
"logins.refill_per_minute" = 1
"""


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {T[name]}"}


@dataclass(frozen=True)
class Errand:
    """A request; a dictionary as its body is sent as JSON."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = b""


# Credentials where they belong, where they do not, and in shapes that nothing can read. {export} is one that exists.
ERRANDS: Sequence[Errand] = (
    *(
        Errand(method, path, headers)
        for method, path in (
            ("GET", "/v1/exports/{export}"),
            ("GET", "/v1/exports/{export}/manifest"),
            ("GET", "/v1/exports/exp_absent"),
            ("GET", "/nowhere"),
            ("PUT", "/v1/exports"),
            ("GET", "/metrics"),
        )
        for headers in (
            bearer("token"),
            bearer("unknown token"),
            bearer("write key"),
            bearer("export key"),
            {"authorization": T["loose token"]},
            {"authorization": f"Token {T['loose token']}"},
            {"authorization": f"Basic {T['loose token']}"},
            {"authorization": f"Basic {base64.b64encode(T['loose token'].encode()).decode()}"},
            {"authorization": basic("ana@example.com", T["wrong password"])},
            {"cookie": f"tailrace_session={T['session cookie']}", "x-csrf-token": T["csrf"]},
            {
                "x-api-key": T["loose token"],
                "x-setup-token": T["set-up token"],
                "proxy-authorization": T["loose token"],
            },
        )
    ),
    *(
        Errand("GET", f"{path}?{query}", headers)
        for path in ("/v1/exports/{export}", "/v1/exports/{export}/files/x", "/livez", "/nowhere", "/metrics")
        for query in (
            f"token={T['unknown token']}",
            f"access_token={T['token']}&token={T['loose token']}",
            f"expires=1&signature={T['signature']}",
            f"expires=x&signature={T['signature']}&signature={T['signature']}",
        )
        for headers in ({}, bearer("token"))
    ),
    Errand("POST", "/v1/tokens", {"authorization": basic("ana@example.com", T["wrong password"])}),
    Errand("POST", "/v1/tokens", {"authorization": basic("eve@example.com", T["password"])}),
    Errand("POST", "/v1/login", {}, {"email": "ana@example.com", "password": T["wrong password"]}),
    Errand("POST", "/v1/login", {}, {"email": "ana@example.com", "password": T["wrong password"], "x": 1}),
    Errand("POST", "/v1/login", {}, f'{{"password": "{T["wrong password"]}"'.encode()),
    Errand("POST", "/v1/setup", {"authorization": f"Bearer {T['set-up token']}"}, {"token": T["set-up token"]}),
    Errand("POST", "/v1/exports", bearer("token"), {"app": "app_waves", "token": T["loose token"]}),
    Errand("POST", "/v1/exports", bearer("token"), {"app": "app_waves", "window": {"axis": T["loose token"]}}),
    Errand("POST", "/v1/exports", bearer("token"), {"app": ["x", T["loose token"]]}),
    Errand(
        "POST",
        "/v1/exports",
        bearer("token"),
        {"app": "app_waves", "window": {"axis": "available"}, "after": T["loose token"]},
    ),
    Errand("POST", "/v1/exports", bearer("token"), f'{{"password": "{T["password"]}"'.encode()),
    Errand("POST", "/v1/events", bearer("unknown token"), {"event": "x", "device_id": "d"}),
    Errand("POST", "/v1/track", {"authorization": basic(T["unknown token"], T["loose token"])}, {"event": "x"}),
    Errand(
        "POST", f"/v1/track?key={T['loose token']}", {}, {"writeKey": T["write key"], "userId": {}}
    ),  # a dead letter
    Errand("POST", "/v1/batch", {}, {"writeKey": T["write key"], "batch": T["token in an event"]}),
    Errand("GET", f"/v1/projects/{T['unknown token']}/settings?key={T['loose token']}"),
    Errand("POST", "/v1/events", bearer("write key"), f'{{"token": "{T["token in an event"]}"'.encode()),
    Errand("POST", "/v1/events", bearer("write key"), b"\x1f\x8b" + T["loose token"].encode()),
    Errand("POST", f"/v1/events?write_key={T['write key']}", {}, {"event": "x", "device_id": "d"}),
)


def misplaced(text: str) -> Iterator[Errand]:
    """A credential where it does not belong, and in what nothing can read."""
    shown = {"authorization": f"Bearer {text}"}
    yield Errand("GET", "/v1/exports/{export}", shown)
    yield Errand("GET", "/nowhere", shown)
    yield Errand("POST", "/v1/exports", bearer("token"), {"app": ["x", text]})
    yield Errand("GET", "/v1/me", {"cookie": f"tailrace_session={text}"})
    yield Errand("POST", "/v1/tokens", {"cookie": f"tailrace_session={text}", "x-csrf-token": text})
    yield Errand("GET", "/v1/me", {"authorization": basic(text, text)})
    yield Errand("GET", f"/v1/exports?after={text}&token={text}", bearer("token"))
    yield Errand("GET", f"/v1/exports/{{export}}/files/x?expires=1&signature={text}")
    yield Errand("POST", "/v1/events", {"authorization": basic(text, "")}, b"{")
    yield Errand("POST", "/v1/setup", {}, {"token": text, "email": "x@example.com", "password": text})
    yield Errand("GET", f"/setup?token={text}")
    yield Errand("POST", "/v1/login", {}, {"email": text, "password": text})
