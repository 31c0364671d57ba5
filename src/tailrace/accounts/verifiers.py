"""Verifiers: the Argon2id of a token is checked once per process and then remembered, not once per request.

What is remembered is only that a text belongs to a verifier. Whether the token still works is read from its row at each
request, so revoking, expiry and changes of its owner are never hidden by it.
"""

from collections import OrderedDict
from threading import Lock

from tailrace.accounts.keys import token_fits


class Verifiers:
    """The last tokens that were verified, by their look-up hash and verifier; neither gives a token away."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._lock = Lock()
        self._seen: OrderedDict[tuple[bytes, str], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def fits(self, hashed: bytes, verifier: str, token: str) -> bool:
        """Whether a token, found by its hash, is the one that the verifier was made of."""
        key = (hashed, verifier)
        with self._lock:
            if key in self._seen:
                self._seen.move_to_end(key)
                return True
        if not token_fits(verifier, token):
            return False
        with self._lock:
            self._seen[key] = None
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
        return True
