"""Which server, and by which token: options over environment over the profiles of a file.

A token of a profile goes to the server of that profile and to no other.
"""

import json
import os
import shlex
import stat
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tailrace.cli.remote.options import Asked
from tailrace.client.session import origin
from tailrace.model.errors import Invalid, misfit

SERVER, TOKEN, PROFILE = "TAILRACE_SERVER", "TAILRACE_TOKEN", "TAILRACE_PROFILE"
DEFAULT = "default"
_COMMAND_S = 60


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and who says so."""

    value: str = field(repr=False)
    source: str


class Profile(msgspec.Struct, forbid_unknown_fields=True):
    """A server, and one way to come by a token for it."""

    server: str | None = None
    token: str | None = None
    token_file: str | None = None
    token_command: str | list[str] | None = None


class ConfigFile(msgspec.Struct, forbid_unknown_fields=True):
    """`config.toml`: profiles by name, and which one is meant when nobody says."""

    profile: str = DEFAULT
    profiles: dict[str, Profile] = msgspec.field(default_factory=dict)


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the file is; `XDG_CONFIG_HOME` moves it."""
    base = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config"
    return Path(base) / "tailrace" / "config.toml"


def read_config(path: Path) -> ConfigFile:
    """The file; an absent one has no profiles. A file that others can read is warned about.

    Raises:
        Invalid: it cannot be read.
    """
    try:
        text = path.read_text("utf-8")
        found = msgspec.convert(tomllib.loads(text), ConfigFile)
    except (FileNotFoundError, NotADirectoryError):
        return ConfigFile()
    except msgspec.ValidationError as error:
        wrong = misfit(str(error), "the file")
        raise Invalid(str(path), f"{wrong.where}: {wrong.why}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(str(path), f"is not TOML: {error}") from None
    warn_if_open(path)
    return found


def warn_if_open(path: Path) -> None:
    """Say so if others can read a file that holds secrets."""
    if path.is_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        print(f"tailrace: others can read {path}; keep them out with: chmod 600 {path}", file=sys.stderr)


class Login:
    """What was found; a token is fetched when it is first needed."""

    def __init__(self, asked: Asked, environ: Mapping[str, str] = os.environ) -> None:
        self._asked = asked
        self._environ = environ
        self.path = config_path(environ)
        self._config = read_config(self.path)
        self.profile = asked.profile or environ.get(PROFILE) or self._config.profile
        if self.profile not in self._config.profiles and (asked.profile or environ.get(PROFILE)):
            names = ", ".join(sorted(self._config.profiles)) or "none"
            raise Invalid("--profile", f"{self.path} has no profile {self.profile}; it has: {names}")

    @property
    def server(self) -> Found | None:
        """The server."""
        if self._asked.server:
            return Found(self._asked.server, "--server")
        if value := self._environ.get(SERVER):
            return Found(value, SERVER)
        return Found(self._named.server, self._here("server")) if self._named.server else None

    def token(self) -> Found | None:
        """The token for the server.

        Raises:
            Invalid: two say it in one place, or where it should be is none.
        """
        if self._asked.token is not None and self._asked.token_file is not None:
            raise Invalid("--token", "and --token-file exclude each other")
        if self._asked.token is not None:
            return Found(self._asked.token, "--token")
        if self._asked.token_file is not None:
            return Found(token_of_file(self._asked.token_file), "--token-file")
        if value := self._environ.get(TOKEN):
            return Found(value, TOKEN)
        return self._of_profile() if self._fits() else None

    @property
    def names_token(self) -> str | None:
        """Who would say the token, without asking for it."""
        asked = self._asked
        given = {"--token": asked.token, "--token-file": asked.token_file, TOKEN: self._environ.get(TOKEN)}
        if source := next((name for name, value in given.items() if value), None):
            return source
        ways = [name for name in ("token", "token_file", "token_command") if getattr(self._named, name)]
        return self._here(ways[0]) if ways and self._fits() else None

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """All profiles of the file."""
        return self._config.profiles

    @property
    def _named(self) -> Profile:
        return self._config.profiles.get(self.profile) or Profile()

    def _here(self, key: str) -> str:
        return f"{key} of the profile {self.profile} in {self.path}"

    def _fits(self) -> bool:
        """Whether the server is the profile's own: its token is for no other."""
        server = self.server
        return (
            server is not None and self._named.server is not None and origin(server.value) == origin(self._named.server)
        )

    def _of_profile(self) -> Found | None:
        named = self._named
        ways = [name for name in ("token", "token_file", "token_command") if getattr(named, name)]
        if len(ways) > 1:
            raise Invalid(str(self.path), f"the profile {self.profile} has {ways[0]} and {ways[1]}; keep one")
        if named.token:
            return Found(named.token, self._here("token"))
        if named.token_file:
            path = self.path.parent / Path(named.token_file).expanduser()
            warn_if_open(path)
            return Found(token_of_file(path), self._here("token_file"))
        if named.token_command:
            return Found(_token_of_command(named.token_command), self._here("token_command"))
        return None


def token_of_file(path: Path) -> str:
    """The token that a file holds; ``-`` is stdin.

    Raises:
        Invalid: there is none in it.
    """
    text = sys.stdin.readline() if str(path) == "-" else path.read_text("utf-8")
    if not text.strip():
        raise Invalid(str(path), "should hold a token, and is empty")
    return text.strip()


def _token_of_command(command: str | list[str]) -> str:
    """What a command prints. It runs without a shell, and what it says on stderr is seen."""
    words = shlex.split(command) if isinstance(command, str) else command
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, timeout=_COMMAND_S, check=False, text=True)  # noqa: S603 - the user's own
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        raise Invalid("token_command", f"{words[0]} cannot be run, or does not end; see what it does by hand") from None
    if done.returncode != 0 or not done.stdout.strip():
        raise Invalid("token_command", f"{words[0]} ended with {done.returncode} and should print a token")
    return done.stdout.strip()


def add_profile(path: Path, name: str, server: str, token: str) -> Path:
    """Keep a token in a file of its own, and name it in the configuration, whose other text is left as it is.

    Returns:
        Where the token is.

    Raises:
        Invalid: there is a profile of that name that says something else.
    """
    token_file = path.parent / f"{name}.token"
    wanted = Profile(server=server, token_file=token_file.name)
    known = read_config(path).profiles.get(name)
    if known is not None and known != wanted:
        raise Invalid("--profile", f"{path} has a profile {name} that says something else; edit it, or name another")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(token_file, f"{token}\n", os.O_TRUNC)
    if known is None:
        _write(path, _section(name, wanted), os.O_APPEND)
    return token_file


def _section(name: str, profile: Profile) -> str:
    lines = [
        f"[profiles.{_text(name)}]",
        f"server = {_text(profile.server)}",
        f"token_file = {_text(profile.token_file)}",
    ]
    return "\n" + "\n".join(lines) + "\n"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write(path: Path, text: str, how: int) -> None:
    """For the owner only, whatever the mask is."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if how == os.O_TRUNC:
            os.fchmod(descriptor, 0o600)
        file.write(text)
