"""Rights: whatever somebody asks for, a token never can more than its owner, its grants and its maker can."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import insert, update

from tailrace.accounts.audit import Actor
from tailrace.accounts.lookup import principal_of_token, scope_for
from tailrace.accounts.rights import check_rights, check_user, grant_apps, grant_scopes
from tailrace.accounts.tokens import WantedToken, make_token, refresh_token
from tailrace.db.tables import apps, users
from tailrace.model.access import EVERYTHING, ROLE_SCOPES, ROLES, SCOPES, Principal, Role, apps_of, scopes_of
from tailrace.model.errors import AboveYou, Invalid, NotFound, TailraceError
from tailrace.wiring import House

APPS = ("app_a", "app_b", "app_c")
roles = st.sampled_from(ROLES)
scopes = st.lists(st.sampled_from([*SCOPES, EVERYTHING]), unique=True, max_size=6)
granted = st.lists(st.sampled_from([*APPS, EVERYTHING]), unique=True, max_size=4)


def may(role: Role, owner: list[str], wanted: list[str], grants: list[str], scope: str, app: str) -> bool:
    """The naive meaning: owner and token both have the scope and the app."""
    scope_fits = scope in ROLE_SCOPES[role] and (EVERYTHING in wanted or scope in wanted)
    return scope_fits and all(EVERYTHING in each or app in each for each in (owner, grants))


def principal(role: Role, owner: list[str], wanted: list[str], grants: list[str]) -> Principal:
    """A token as it is looked up."""
    found = scopes_of(role, wanted)
    return Principal(1, 1, 1, found, apps_of(owner, grants), role, "x", "api", EVERYTHING in wanted)


@given(roles, granted, scopes, granted)
def test_a_token_is_owner_and_grants(role: Role, owner: list[str], wanted: list[str], grants: list[str]) -> None:
    """Scope by scope and app by app, what is looked up is what the naive meaning says."""
    found = principal(role, owner, wanted, grants)
    for scope in SCOPES:
        for app in APPS:
            assert (found.may(scope) and found.may_see(app)) == may(role, owner, wanted, grants, scope, app)


@given(roles, granted, scopes, granted, scopes, roles)
def test_a_granted_scope_is_the_makers(
    role: Role, owner: list[str], wanted: list[str], grants: list[str], asked: list[str], later: Role
) -> None:
    """What a maker may grant is less than what he has, even after the owner has got another role."""
    maker = principal(role, owner, wanted, grants)
    try:
        stored = grant_scopes(maker, asked)
    except AboveYou:
        assert set(asked) - maker.scopes
        return
    assert scopes_of(role, stored) <= maker.scopes
    assert scopes_of(later, stored) <= scopes_of(later, wanted)


@given(roles, granted, scopes, granted, roles, granted)
def test_a_user_below_is_below(
    role: Role, owner: list[str], wanted: list[str], grants: list[str], other: Role, apps: list[str]
) -> None:
    """Whoever passes the check has no scope and no app that the caller has not, and who does not has one."""
    caller = principal(role, owner, wanted, grants)
    extra = [app for app in APPS if (EVERYTHING in apps or app in apps) and not caller.may_see(app)]
    above = bool(ROLE_SCOPES[other] - caller.scopes) or bool(extra)
    open_ended = EVERYTHING in apps and EVERYTHING not in caller.apps
    try:
        check_user(caller, other, apps)
    except AboveYou:
        assert above or open_ended
    else:
        assert not above
        assert not open_ended


def test_missing_rights_are_named() -> None:
    """The error says what is lacking."""
    caller = Principal(1, 1, 1, frozenset(("exports.read",)), frozenset(("app_a",)))
    with pytest.raises(AboveYou) as caught:
        check_rights(caller, ("exports.read", "users.write"), ())
    assert caught.value.what == "the scope users.write"
    with pytest.raises(AboveYou) as caught:
        check_rights(caller, (), ("app_b",))
    assert "app_b" not in caught.value.what, "an app that is not the caller's to know of"
    for unknown in (("wat",), ("*", "wat"), ("users.write", "wat")):
        with pytest.raises(Invalid, match="wat"):
            grant_scopes(caller, unknown)


@pytest.fixture
def backend() -> str:
    """Rights are values; one database is enough."""
    return "sqlite"


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_chains_of_tokens_never_gain(house: House, data: st.DataObject) -> None:
    """Tokens made and refreshed by tokens, with whatever wishes, can no more than the first; and neither can a user's
    tokens once the user can less.
    """
    database, secret = house.database, house.identity.secret
    first = principal_of_token(database, secret, "tok_ana")
    with database.write() as connection:
        for app in APPS:
            if connection.scalar(apps.select().where(apps.c.id == app)) is None:
                connection.execute(insert(apps).values(space=first.space, id=app, name=app))
    actor = Actor(first.space, first.who)
    makers = [first]
    for _ in range(data.draw(st.integers(1, 5))):
        maker = data.draw(st.sampled_from(makers))
        wanted = WantedToken("", data.draw(scopes), data.draw(granted))
        try:
            if data.draw(st.booleans()):
                made = make_token(database, secret, maker, wanted, actor)
            else:
                target = data.draw(st.sampled_from(makers[1:] or makers))
                made = refresh_token(database, secret, maker, target.token, 60_000, actor)
        except TailraceError:
            continue
        found = principal_of_token(database, secret, made.text)
        assert found.scopes <= maker.scopes
        assert all(maker.may_see(app) or not found.may_see(app) for app in (*APPS, "app_new"))
        makers.append(found)
    with database.write() as connection:
        connection.execute(update(users).where(users.c.number == first.user).values(role="standard", apps='["app_a"]'))
        narrow = replace(first, scopes=ROLE_SCOPES["standard"], apps=frozenset(("app_a",)))
        assert grant_apps(connection, narrow, ("*",)) == ["app_a"]
    again = principal_of_token(database, secret, "tok_ana")
    assert again.scopes == ROLE_SCOPES["standard"]
    with pytest.raises(NotFound):
        scope_for(database, again, "app_waves")
    with database.write() as connection:
        connection.execute(update(users).where(users.c.number == first.user).values(role="admin", apps='["*"]'))
