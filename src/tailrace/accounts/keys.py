"""Secrets: made, hashed and compared. Tokens are long and random, passwords are not, so each has a hash of its own."""

import base64
import hmac
import secrets
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_passwords = PasswordHasher()
# A thousandth of a password's memory is enough for what nobody can guess; docs/decisions/0028 says why.
_tokens = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
# Each password that is looked at takes 64 MiB for a while.
_at_once = BoundedSemaphore(4)
_API_KEY = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def token_hash(secret: str, token: str) -> bytes:
    """What a token, an export key or a set-up link is looked up by."""
    return hmac.digest(secret.encode(), token.encode(), "sha256")


def new_token() -> str:
    """A token with 192 random bits."""
    return f"tok_{secrets.token_urlsafe(24)}"


def new_write_key() -> str:
    """A key for sending events, 144 random bits."""
    return f"wk_{secrets.token_urlsafe(18)}"


def new_export_key() -> str:
    """A key for exporting an app, 192 random bits."""
    return f"ek_{secrets.token_urlsafe(24)}"


def new_api_key() -> str:
    """A key that names an app where dialects want one: 20 characters, 100 random bits."""
    return "".join(secrets.choice(_API_KEY) for _ in range(20))


def hash_token(token: str) -> str:
    """Argon2id of a token, cheap because tokens cannot be guessed."""
    return _tokens.hash(token)


def token_fits(stored: str, token: str) -> bool:
    """Whether a token is the one that was hashed."""
    return _fits(_tokens, stored, token)


def hash_password(password: str) -> str:
    """Argon2id with a salt of its own."""
    with _at_once:
        return _passwords.hash(password)


def password_fits(stored: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed. It takes as long where none is stored."""
    with _at_once:
        fits = _fits(_passwords, stored or _nobodys(), password)
    return fits and stored is not None


@cache
def _nobodys() -> str:
    """What is compared where no password is stored. Made when it is first needed: it costs as much as a login."""
    return _passwords.hash(secrets.token_urlsafe(12))


def csrf_token(secret: str, session: str) -> str:
    """What a page sends beside the cookie of a login session; only who can read our answers can know it."""
    return hmac.digest(secret.encode(), b"csrf:" + session.encode(), "sha256").hex()


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, told in a time that says nothing of where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _hash_of_nothing(like: PasswordHasher) -> str:
    """What is compared where no password is stored: random bytes in the place of a hash, which cost as much."""
    salt, digest = secrets.token_bytes(like.salt_len), secrets.token_bytes(like.hash_len)
    cost = f"m={like.memory_cost},t={like.time_cost},p={like.parallelism}"
    return f"$argon2id$v=19${cost}${_unpadded(salt)}${_unpadded(digest)}"


def _unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _fits(hasher: PasswordHasher, stored: str, text: str) -> bool:
    try:
        return hasher.verify(stored, text)
    except (VerificationError, InvalidHashError):
        return False


# Hashing something would take a tenth of a second and 64 MiB at the start of each process, for the few that ask.
_NOBODYS = _hash_of_nothing(_passwords)
