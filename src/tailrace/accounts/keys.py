"""Hashes of credentials: fast and keyed for tokens, which are long and random; slow for passwords, which are not."""

import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()


def token_hash(secret: str, token: str) -> bytes:
    """What is stored of a token or export key, and looked up by."""
    return hmac.digest(secret.encode(), token.encode(), "sha256")


def new_token() -> str:
    """A token with 192 random bits."""
    return f"tok_{secrets.token_urlsafe(24)}"


def new_password() -> str:
    """A password with 96 random bits."""
    return secrets.token_urlsafe(12)


def hash_password(password: str) -> str:
    """Argon2id with a salt of its own."""
    return _hasher.hash(password)


def password_fits(stored: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed."""
    try:
        return stored is not None and _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
