"""docs/accounts.md says what the code does: roles, routes, and the numbers in its sentences."""

import re
from pathlib import Path

from tailrace.accounts.chosen import LONGEST_PASSWORD, SHORTEST_PASSWORD
from tailrace.accounts.lockout import FREE, LONGEST_MS
from tailrace.accounts.setup import LIFE_MS
from tailrace.model.access import ROLE_SCOPES, ROLES, SCOPES
from tailrace.surfaces.native.routes import OPERATIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "accounts.md").read_text("utf-8")


def test_the_table_of_roles_is_that_of_the_code() -> None:
    """Every scope has a row, and "yes" stands under each role that has it."""
    found = {}
    for scope, *cells in re.findall(r"^\| `([a-z.]+)` \| (yes)? ?\| (yes)? ?\| (yes)? ?\|", PAGE, re.MULTILINE):
        found[scope] = {role for role, cell in zip(ROLES, cells, strict=True) if cell}
    assert found == {scope: {role for role in ROLES if scope in ROLE_SCOPES[role]} for scope in SCOPES}


def test_every_route_of_accounts_is_named() -> None:
    """Each operation of these tags stands in the page with its method, or below one that does."""
    tags = {"users", "tokens", "apps", "me", "logins", "audit", "setup"}
    asked = [operation for operation in OPERATIONS if operation.tag in tags]
    assert {operation.tag for operation in asked} == tags
    for operation in asked:
        assert f"`{operation.method} {operation.path}`" in PAGE, operation.name


def test_numbers_are_those_of_the_code() -> None:
    """Limits that stand in sentences."""
    assert f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters" in PAGE
    assert FREE == 5
    assert "Five wrong passwords" in PAGE
    assert f"up to {LONGEST_MS // 60_000} minutes" in PAGE
    assert f"for {LIFE_MS // 3_600_000} hours" in PAGE
