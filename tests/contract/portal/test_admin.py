"""Admin: apps and keys, users and tokens, limits, health."""

import re

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.quotas import spend, utc_day
from tailrace.config import Settings, in_force
from tailrace.model.clock import DAY
from tailrace.model.policy import LIMITS
from tailrace.store.ledger import ledger
from tests.contract.live import READ
from tests.contract.portal.conftest import ADMIN, Portal
from tests.sending import event

APP = "/portal/admin/apps/app_tides"
USERS = "/portal/admin/users"


def bearer(token: str) -> dict[str, str]:
    """The header of a credential."""
    return {"authorization": f"Bearer {token}"}


def test_a_key_that_is_made_anew_voids_the_one_before(portal: Portal) -> None:
    """The new write key is on the page and sends events, the old one is refused at once; an export key is shown once
    and never again.
    """
    visitor = portal.visitor()
    visitor.get(APP)
    visitor.send(f"{APP}/keys:rotate", {"key": "write_key"})
    new = re.search(r"wk_[\w-]{20,}", visitor.page.text)
    assert new
    body = {"batch": [event("x", portal.today * DAY)]}
    assert visitor.http.post("/v1/events", json=body, headers=bearer("wk_tides")).status_code == 401
    assert visitor.http.post("/v1/events", json=body, headers=bearer(new[0])).json()["accepted"] == 1
    visitor.send(f"{APP}/keys:rotate", {"key": "export_key"})
    shown = re.search(r"ek_[\w-]{20,}", visitor.page.text)
    assert shown
    assert "There is one; it is not shown again" in visitor.get(APP)
    assert shown[0] not in visitor.page.text
    assert visitor.send(f"{APP}/keys:rotate", {"key": "wat"}, 400)


def test_an_app_that_is_there_is_not_made_again(portal: Portal) -> None:
    """A name that is taken, or is none, is refused above the form, which keeps what was typed."""
    visitor = portal.visitor()
    visitor.get("/portal/admin/apps")
    for id_, status, sentence in (("app_waves", 409, "choose another"), ("../x", 400, "id:")):
        said = visitor.send("/portal/admin/apps", {"id": id_, "name": "Mine"}, status)
        assert sentence in said
        assert 'value="Mine"' in visitor.page.text


def test_a_programmatic_user(portal: Portal) -> None:
    """It is made, gets its token, which is shown once and works as its role; what the pencil takes away stops at once,
    as does the token with a new one.
    """
    visitor = portal.visitor()
    visitor.get(USERS)
    form = {"email": "robot@example.com", "kind": "programmatic", "role": "standard", "apps": "app_waves"}
    said = visitor.send(USERS, form, 303)
    (path,) = set(re.findall(r'action="(/portal/admin/users/usr_\d+)"', visitor.page.text))
    assert "programmatic" in said
    visitor.send(f"{path}/token:reset", {})
    tokens = re.findall(r"tok_[\w-]{20,}", visitor.page.text)
    assert len(tokens) == 1
    me = visitor.http.get("/v1/me", headers=bearer(tokens[0])).json()
    assert (me["email"], me["role"]) == ("robot@example.com", "standard")
    visitor.get(path)
    assert tokens[0] not in visitor.page.text
    visitor.send(path, {"role": "standard", "apps": "app_tides", "state": "enabled"}, 303)
    listed = visitor.http.get("/v1/apps", headers=bearer(tokens[0])).json()["apps"]
    assert [app["id"] for app in listed] == ["app_tides"]
    visitor.send(path, {"role": "standard", "apps": "app_tides", "state": "disabled"}, 303)
    assert visitor.http.get("/v1/me", headers=bearer(tokens[0])).status_code == 401
    assert "disabled" in visitor.get(USERS)


def test_the_last_admin_stays(portal: Portal) -> None:
    """Who would leave the space without an admin is told what to do first."""
    visitor = portal.visitor()
    visitor.get(USERS)
    me = re.search(rf'href="({USERS}/usr_\d+)">{re.escape(ADMIN[0])}<', visitor.page.text)
    assert me
    visitor.get(me[1])
    assert "Make somebody else an admin first" in visitor.send(me[1], {"role": "standard", "state": "enabled"}, 409)


def test_own_tokens(portal: Portal) -> None:
    """A token is shown once, may what was chosen, is listed by its name, and ends when it is revoked."""
    visitor = portal.visitor()
    visitor.send("/portal/account/tokens", {"name": "nightly", "scopes": ["apps.read"], "life": "30"})
    (text,) = re.findall(r"tok_[\w-]{20,}", visitor.page.text)
    assert visitor.http.get("/v1/apps", headers=bearer(text)).status_code == 200
    assert visitor.http.get("/v1/exports", headers=bearer(text)).status_code == 403
    assert "nightly apps.read" in visitor.get("/portal/account")
    assert text not in visitor.page.text
    row = re.search(r'nightly</td>.*?action="([^"]+:revoke)"', visitor.page.text, re.DOTALL)
    assert row
    visitor.send(row[1], {}, 303)
    assert visitor.http.get("/v1/apps", headers=bearer(text)).status_code == 401
    visitor.send("/portal/account/password", {"current": "wrong one", "password": "quite long enough"}, 403)


def test_limits_tell_what_is_used(portal: Portal) -> None:
    """Exports of today are counted as they are asked for, and what a dialect has counted is told beside its quota."""
    visitor, database = portal.visitor(), portal.house.database
    quota = next(name for name in LIMITS if name.endswith(".per_day") and not name.startswith("exports."))
    with database.write() as connection:
        now = database.now(connection)
        for _ in range(3):
            spend(connection, scope_of_app(database, "app_waves").space, quota, "1", 9, utc_day(now), now)
    assert f"{quota} {LIMITS[quota].default} {LIMITS[quota].unit} 3 " in visitor.get("/portal/admin/limits")

    def used() -> int:
        said = visitor.get("/portal/admin/limits")
        found = re.search(r"exports\.per_day 0 exports (\d+) ", said)
        assert found, said
        return int(found[1])

    before = used()
    body = {"app": "app_waves", "window": {"axis": "available"}}
    assert visitor.http.post("/v1/exports", json=body, headers=READ).status_code == 202
    assert used() == before + 1


def test_health_has_the_ledger(portal: Portal) -> None:
    """The page has the numbers of the ledger, and says that it holds; of another space it says nothing."""
    visitor = portal.visitor()
    said = visitor.get("/portal/admin/health")
    found = ledger(portal.house.database, scope_of_app(portal.house.database, "app_waves"))
    counts = (
        found.received,
        found.accepted,
        found.dead_letters,
        found.sealed,
        found.open,
        found.duplicates,
        found.dropped,
    )
    assert f"Waves {' '.join(f'{n:,}' for n in counts)} yes" in said
    assert found.received >= len(portal.sent)
    assert "app_other" not in visitor.page.text


def test_settings_tell_no_secret() -> None:
    """A URL is shown without user, password and query, every other setting as it is."""
    settings = Settings(database="postgresql+psycopg://me:hush@db.example:5432/tailrace?password=hush")
    shown = {one.name: one.value for one in in_force(settings)}
    assert shown["database"] == "postgresql+psycopg://db.example:5432/tailrace"
    assert shown["seal.inactivity_ms"] == "1800000"
    assert shown["log.access"] == "true"
    assert "hush" not in repr(shown)
