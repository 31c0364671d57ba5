"""The vault: what it seals only its keys open, and keys can be changed while all goes on."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tailrace.delivery.vault import Vault
from tailrace.model.errors import Invalid, Unavailable

SECRETS = {"secret_access_key": "s3cr3t", "url": "https://x.example/token"}


def test_what_is_sealed_is_opened_by_its_space_only(tmp_path: Path) -> None:
    """The key's file is made when it is first needed, for its owner's eyes; bytes show nothing of what is inside."""
    vault = Vault(file=tmp_path / "secrets.key")
    sealed = vault.seal(7, SECRETS)
    assert sealed is not None
    assert b"s3cr3t" not in sealed
    assert Vault(file=tmp_path / "secrets.key").open(7, sealed) == SECRETS
    with pytest.raises(Unavailable):
        vault.open(8, sealed)
    assert stat.S_IMODE((tmp_path / "secrets.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.key"]
    assert vault.seal(7, {}) is None
    assert vault.open(7, None) == {}


def test_a_rotation_reaches_those_that_run(tmp_path: Path) -> None:
    """After it old bytes open, new ones are of the new key, and once all are sealed anew the old key can go."""
    running = Vault(file=tmp_path / "k")
    old = running.seal(1, SECRETS)
    assert old is not None
    Vault(file=tmp_path / "k").add_key()
    assert running.open(1, old) == SECRETS
    fresh = running.sealed_anew(old)
    Vault(file=tmp_path / "k").drop_old_keys()
    assert running.open(1, fresh) == SECRETS
    with pytest.raises(Unavailable, match="no key of this server"):
        running.open(1, old)


def test_keys_of_the_environment_come_first(tmp_path: Path) -> None:
    """The newest seals and all open; no file is made or changed."""
    first, second = (Fernet.generate_key().decode() for _ in range(2))
    old = Vault((first,), tmp_path / "k").seal(1, SECRETS)
    both = Vault((second, first), tmp_path / "k")
    assert both.open(1, old) == SECRETS
    fresh = both.sealed_anew(old or b"")
    assert Vault((second,), tmp_path / "k").open(1, fresh) == SECRETS
    with pytest.raises(Invalid, match="environment"):
        both.add_key()
    assert not (tmp_path / "k").exists()


def test_a_key_that_is_none_is_told_and_not_shown() -> None:
    """And without any key nothing is kept in clear instead."""
    with pytest.raises(Unavailable) as refused:
        Vault(("not-a-key",)).seal(1, SECRETS)
    assert "not-a-key" not in str(refused.value)
    assert "not-a-key" not in repr(Vault(("not-a-key",)))
    with pytest.raises(Unavailable):
        Vault().seal(1, SECRETS)
