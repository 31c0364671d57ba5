"""What holds for every page: a strict policy, nothing from elsewhere, and no more than the viewer may see."""

import hashlib
import re
from importlib.resources import files

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import apps
from tailrace.model import errors as domain
from tailrace.model.access import ROLE_SCOPES, Role
from tailrace.model.hashing import actor_hash
from tailrace.portal import PORTAL
from tailrace.portal.errors import told
from tailrace.portal.static import NAMES
from tests import sending
from tests.contract.live import READ
from tests.contract.native.test_errors import REPLIES, family
from tests.contract.portal.conftest import Portal, text_of

PATHS = {
    "/portal/explore/{id}": "app_waves",
    "/portal/admin/apps/{id}": "app_waves",
    "/portal/admin/users/{id}": "usr_1",
}
ACTOR = actor_hash("app_waves", "d0").hex()
INLINE = re.compile(
    r"<style|<script(?! src=\"/)|\son\w+=|\sstyle=|(?:src|href|action)=\"(?!/|#|\?|setup)", re.IGNORECASE
)
STATIC = files("tailrace.portal") / "static"


def pages(export: str) -> dict[str, str | None]:
    """The path of every page for people with the scope that it needs."""
    found: dict[str, str | None] = {}
    for operation in PORTAL.operations:
        if operation.method == "GET" and operation.path.startswith("/portal") and "static" not in operation.path:
            of = next((id_ for path, id_ in PATHS.items() if operation.path.startswith(path)), export)
            found[operation.path.format(id=of, actor=ACTOR)] = operation.scope
    return found


@pytest.fixture(scope="module")
def export(portal: Portal) -> str:
    """An export that has ended."""
    scope = scope_of_app(portal.house.database, "app_waves")
    visitor = portal.visitor()
    visitor.get("/portal/downloads/new")
    visitor.send("/portal/downloads/new", {"app": scope.app_id, "period": "last_7"}, 303)
    id_ = re.findall(r'<tr id="(exp_\w+)"', visitor.page.text)[0]  # the newest
    assert "Ready" in portal.ended(visitor, id_)
    return str(id_)


def test_every_page_is_strict(portal: Portal, export: str) -> None:
    """No page runs or styles anything of its own text, or names another host; the policy allows neither, and no page is
    kept or told to others.
    """
    visitor = portal.visitor()
    looked = pages(export)
    assert len(looked) > 15
    for path in looked:
        visitor.get(path)
        headers = visitor.page.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy, path
        assert "unsafe" not in policy
        assert headers["cache-control"] == "no-store"
        shown = re.sub(r"<pre.*?</pre>", "", visitor.page.text, flags=re.DOTALL)
        assert not INLINE.findall(shown), (path, INLINE.findall(shown))
        assert visitor.page.text.count("<h1") == 1 or "newest" in path, path


@pytest.mark.parametrize("role", ["standard", "architect"])
def test_only_admins_see_keys(portal: Portal, export: str, role: Role) -> None:
    """On no page that somebody else may open stands a key of an app or a form to make one, nor a link to a page that he
    may not open; the others are refused, and so is the form. An admin sees the keys, so they could have been found.
    """
    with portal.house.database.read() as connection:
        keys = [key for row in connection.execute(apps.select()) for key in (row.write_key, row.api_key) if key]
    admin, who = portal.visitor(), (f"{role}@example.com", "long enough for this")
    user = {"email": who[0], "role": role, "password": who[1]}
    assert admin.http.post("/v1/users", json=user, headers=READ).status_code == 201
    visitor = portal.visitor(who)
    for path, scope in pages(export).items():
        may = scope is None or scope in ROLE_SCOPES[role]
        visitor.get(path, 200 if may else 403)
        assert not [key for key in (*keys, "keys:rotate") if key in visitor.page.text], path
        for link in re.findall(r'href="(/portal/admin/\w+)"', visitor.page.text):
            assert visitor.http.get(link).status_code == 200, (path, link)
    visitor.get("/portal/account")
    assert "keys.write" in visitor.send("/portal/admin/apps/app_waves/keys:rotate", {"key": "write_key"}, 403)
    admin.get("/portal/admin/apps/app_waves")
    assert "wk_waves" in admin.page.text
    assert "WAVESAPIKEY0000000001" in admin.page.text


def test_pages_stand_alone(portal: Portal) -> None:
    """Static files are as they were vendored, each with its licence; a file that is asked for as it is now is kept, and
    what is no such file is not there, wherever its name leads.
    """
    visitor = portal.visitor(None)
    for name in NAMES:
        answer = visitor.http.get(f"/portal/static/{name}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache"), name
    page = visitor.http.get("/portal/login").text
    for path in re.findall(r'(?:src|href)="(/portal/static/[^"]+)"', page):
        assert "immutable" in visitor.http.get(path).headers["cache-control"], path
    for name in ("x", "portal.css/", "../pages.py", "..%2fpages.py", "vendor/htmx.min.js.sha256"):
        assert visitor.http.get(f"/portal/static/{name}").status_code == 404, name


def test_vendored_files_are_what_they_were() -> None:
    """Each file of others has its SHA-256 and a licence beside it."""
    vendored = [file for file in (STATIC / "vendor").iterdir() if file.name.endswith((".js", ".css"))]
    assert len(vendored) == 3
    for file in vendored:
        kept = (STATIC / "vendor" / f"{file.name}.sha256").read_text()
        assert kept == f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        licence = (STATIC / "vendor" / f"{file.name.partition('.')[0]}.LICENSE.txt").read_text()
        assert "Permission" in licence


def test_every_error_has_words() -> None:
    """Each error that there is has a page of its own words: a status that fits, a title, and what to do."""
    shown = {told(error).title for error in REPLIES.values()}
    assert {type(error) for error in REPLIES.values()} >= set(family()) - {domain.TailraceError}
    assert len(shown) > 15
    for error in REPLIES.values():
        words = told(error)
        assert 400 <= words.status < 600
        assert words.title
        assert words.text.endswith("."), words
        assert error.retryable is False or words.status in (408, 422, 429, 500, 503), words


def test_names_of_senders_are_text(portal: Portal) -> None:
    """An event's name, version and parameters that are HTML are shown as they are and run nothing."""
    evil = "<script>alert(1)</script>"
    record = sending.event(evil, portal.today * 86_400_000 - 1000, device="evil", session="evil", params={"a": evil})
    scope = scope_of_app(portal.house.database, "app_tides")
    sending.send(portal.house, scope, [record | {"session": {"app_version": evil}}])
    sending.seal(portal.house, scope)
    visitor = portal.visitor()
    for path in ("/portal/explore/app_tides", "/portal/downloads/new?app=app_tides"):
        said = visitor.get(path)
        assert evil in said, path
        assert evil not in visitor.page.text, path
    assert text_of(visitor.page.text)
