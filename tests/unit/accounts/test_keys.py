"""Hashes of secrets: what they cost, and that what nobody has fits nothing."""

from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError

from tailrace.accounts import keys
from tailrace.accounts.verifiers import Verifiers


@pytest.fixture(scope="module")
def real() -> ModuleType:
    """The module as it is shipped: in tests passwords are made cheap."""
    spec = spec_from_file_location("real_keys", keys.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_passwords_are_dear_and_tokens_are_cheap(real: ModuleType) -> None:
    """A password takes 64 MiB, three passes and a salt, also the one that stands for nobody's; a token takes 1 MiB."""
    for stored in (real.hash_password("x"), real._nobodys()):
        found = extract_parameters(stored)
        assert (found.type.name, found.memory_cost, found.time_cost, found.salt_len) == ("ID", 65_536, 3, 16)
    with pytest.raises(VerifyMismatchError):  # all of it is computed, as for somebody's
        real._passwords.verify(real._NOBODYS, "x")
    found = extract_parameters(real.hash_token("x"))
    assert (found.type.name, found.memory_cost, found.time_cost, found.salt_len) == ("ID", 1024, 1, 16)
    assert real.hash_token("x") != real.hash_token("x")


def test_nobodys_password_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no password is stored one is compared all the same, and never fits, not even itself."""
    seen: list[str] = []

    def fits(_hasher: object, stored: str, _text: str) -> bool:
        seen.append(stored)
        return True

    monkeypatch.setattr(keys, "_fits", fits)
    assert not keys.password_fits(None, "anything")
    assert seen == [keys._nobodys()]


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$v=19$m=1", "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"])
def test_a_damaged_hash_fits_nothing(stored: str) -> None:
    """What is no hash is no failure of the server."""
    assert not keys.token_fits(stored, "x")
    assert not keys.password_fits(stored, "x")


def test_secrets_are_long_and_never_the_same() -> None:
    """Each kind has its prefix and as many random bits as it promises."""
    for make, prefix, length in (
        (keys.new_token, "tok_", 36),
        (keys.new_write_key, "wk_", 27),
        (keys.new_export_key, "ek_", 35),
        (keys.new_api_key, "", 20),
    ):
        made = {make() for _ in range(200)}
        assert len(made) == 200
        assert {(text.startswith(prefix), len(text)) for text in made} == {(True, length)}


def test_a_verifier_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that fits is remembered by hash and verifier; one that does not is looked at again; the oldest goes."""
    looked: list[str] = []

    def fits(stored: str, token: str) -> bool:
        looked.append(token)
        return stored == f"verifier of {token}"

    monkeypatch.setattr("tailrace.accounts.verifiers.token_fits", fits)
    verifiers = Verifiers(most=2)
    for _ in range(3):
        assert verifiers.fits(b"a", "verifier of a", "a")
        assert not verifiers.fits(b"a", "verifier of another", "a")
    assert looked == ["a"] * 4
    assert verifiers.fits(b"b", "verifier of b", "b")
    assert verifiers.fits(b"a", "verifier of a", "a")
    assert verifiers.fits(b"c", "verifier of c", "c")
    assert len(verifiers) == 2
    looked.clear()
    assert verifiers.fits(b"a", "verifier of a", "a")
    assert verifiers.fits(b"b", "verifier of b", "b")
    assert looked == ["b"]
