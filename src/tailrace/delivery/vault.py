"""The vault: secrets of tenants, encrypted with keys that are not in the database.

Keys are Fernet keys, the newest first: it seals, and all of them open. They are read again for each use, so that a
rotation reaches processes that run.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tailrace.model.errors import Invalid, Unavailable

if TYPE_CHECKING:  # loaded by those who seal or open: every process of slices comes by here
    from cryptography.fernet import MultiFernet

KEY_FILE = "secrets.key"
_WHERE = "secrets.keys"


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens. Keys come from the setting `secrets.keys`, or else a line each from a file, which is made when
    it is first needed. With neither it can do nothing.
    """

    keys: Sequence[str] = field(default=(), repr=False)
    file: Path | None = None

    def seal(self, space: int, secrets: Mapping[str, str]) -> bytes | None:
        """Secrets of a space as bytes to keep; None if there are none.

        Raises:
            Unavailable: there is no key, or it cannot be one.
        """
        if not secrets:
            return None
        return self._fernet().encrypt(msgspec.json.encode([space, dict(secrets)]))

    def open(self, space: int, sealed: bytes | None) -> dict[str, str]:
        """What was sealed for a space.

        Raises:
            Unavailable: no key of now opens it, one cannot be a key, or it is another space's.
        """
        if sealed is None:
            return {}
        owner, secrets = self._opened(sealed)
        if owner != space:
            raise Unavailable("a secret is not where it was put; the database was changed from outside", 60)
        return secrets

    def sealed_anew(self, sealed: bytes) -> bytes:
        """The same secrets under the newest key. Raises as `open` does."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet().rotate(sealed)
        except InvalidToken:
            raise _closed() from None

    def add_key(self) -> None:
        """Make a new key, the first of the file from now on.

        Raises:
            Invalid: keys come from the setting, where only the operator can add one.
        """
        if self.keys or self.file is None:
            raise Invalid(_WHERE, "keys come from the environment; put a new one in front there, by a comma")
        self._write([_new_key(), *self._read()])

    def drop_old_keys(self) -> None:
        """Keep the newest key of the file alone, once nothing is sealed with the others any more."""
        if self.file is not None and not self.keys:
            self._write(self._read()[:1])

    def _opened(self, sealed: bytes) -> tuple[int, dict[str, str]]:
        from cryptography.fernet import InvalidToken

        try:
            return msgspec.json.decode(self._fernet().decrypt(sealed), type=tuple[int, dict[str, str]])
        except InvalidToken:
            raise _closed() from None

    def _fernet(self) -> "MultiFernet":
        from cryptography.fernet import Fernet, MultiFernet

        try:
            return MultiFernet([Fernet(key) for key in self.keys or self._read()])
        except ValueError:  # what it says may hold the key
            pass
        raise Unavailable("a key for secrets is none; see docs/deliveries.md", 60)

    def _read(self) -> list[str]:
        if self.file is None:
            raise Unavailable("this process has no key for secrets", 60)
        with suppress(FileExistsError):
            if not self.file.exists():
                _create(self.file, _new_key())
        return self.file.read_text("ascii").split()

    def _write(self, keys: Sequence[str]) -> None:
        """Replace the file by one step: whoever reads it meanwhile has the old keys or the new ones."""
        if self.file is None:
            return
        fresh = self.file.with_name(f"{self.file.name}.new")
        fresh.unlink(missing_ok=True)
        _create(fresh, "\n".join(keys))
        fresh.replace(self.file)


def _new_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def _create(path: Path, text: str) -> None:
    """A new file that only its owner may read, whole as soon as it is there."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(f"{text}\n")
            out.flush()
            os.fsync(out.fileno())
        os.link(draft, path)  # fails if another process was quicker, whose key is the one
    finally:
        draft.unlink()


def _closed() -> Unavailable:
    return Unavailable("no key of this server opens a secret; give it the key that sealed it", 60)
