"""Signing in, and what keeps forms of other sites out."""

import re

import pytest

from tailrace.portal import PORTAL
from tests.contract.portal.conftest import ADMIN, STANDARD, Portal, text_of


def test_the_page_that_was_asked_for_follows(portal: Portal) -> None:
    """Without a session each page is the form to sign in, 401; the right password leads to the page, and signing out
    ends that.
    """
    visitor = portal.visitor(None)
    for path in ("/portal", "/portal/downloads?app=app_waves", "/portal/admin/users"):
        said = visitor.get(path, 401)
        assert "Sign in" in said
        assert "app_waves" not in said
    asked = f"{portal.url}/portal/downloads?app=app_waves"
    form = {"email": ADMIN[0], "password": ADMIN[1]}
    answer = visitor.http.post("/portal/login", data=form, headers={"referer": asked, "origin": portal.url})
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/downloads?app=app_waves")
    assert re.search(r"HttpOnly; .*SameSite=lax", answer.headers["set-cookie"])
    visitor.get("/portal/downloads")
    visitor.send("/portal/logout", {}, 303)
    visitor.get("/portal/downloads", 401)


@pytest.mark.parametrize(
    "referer", ["", "https://elsewhere.example/portal/downloads", "{}/portal/login", "{}//x.example"]
)
def test_no_other_page_follows(portal: Portal, referer: str) -> None:
    """What did not come from a page of ours leads to the first page, never to another host."""
    visitor = portal.visitor(None)
    form = {"email": ADMIN[0], "password": ADMIN[1]}
    answer = visitor.http.post("/portal/login", data=form, headers={"referer": referer.format(portal.url)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal")


def test_a_wrong_password_says_no_more_than_that(portal: Portal) -> None:
    """A user that is there, one that is not and one without a password get the same page, but for the e-mail that they
    typed; the password is not on it.
    """
    visitor = portal.visitor(None)
    pages = []
    for email in (ADMIN[0], "nobody@example.com"):
        answer = visitor.http.post("/portal/login", data={"email": email, "password": "a wrong one"})
        assert answer.status_code == 401
        pages.append(answer.text.replace(email, ""))
    assert pages[0] == pages[1]
    assert "a wrong one" not in pages[0]
    assert "E-mail or password is wrong" in text_of(pages[0])


def test_forms_of_other_sites_are_refused(portal: Portal) -> None:
    """Each form that changes something is refused without its guard, with that of another session, and from another
    origin, before anything of it is looked at; with a guard the same form is looked at.
    """
    visitor, other = portal.visitor(), portal.visitor(STANDARD)
    theirs = re.search(r'name="csrf" value="(\w+)"', other.page.text)
    mine = re.search(r'name="csrf" value="(\w+)"', visitor.page.text)
    assert theirs
    assert mine
    forms = [o for o in PORTAL.operations if o.security == "form" and o.name not in ("send_logout", "send_my_reset")]
    assert len(forms) > 10
    for operation in forms:
        path = operation.path.format(id="x_absent", name="x_absent", actor="0" * 32)
        for guard in ({}, {"csrf": ""}, {"csrf": theirs[1]}):
            assert "This form is too old" in visitor.http.post(path, data=guard).text, (path, guard)
        evil = {"origin": "https://elsewhere.example"}
        assert visitor.http.post(path, data={"csrf": mine[1]}, headers=evil).status_code == 403, path
        assert "This form is too old" not in visitor.http.post(path, data={"csrf": mine[1]}).text, path
    login = {"email": ADMIN[0], "password": ADMIN[1]}
    evil = {"origin": "https://elsewhere.example"}
    assert visitor.http.post("/portal/login", data=login, headers=evil).status_code == 403


def test_no_form_without_its_guard() -> None:
    """Every operation of the portal that changes something reads a form with a guard; those that have no session yet
    look at the origin, or at a link that is used up.
    """
    changing = {o.name for o in PORTAL.operations if o.method != "GET" and o.security != "form"}
    assert changing == {"send_login", "send_setup"}
