"""People: what is known of the users of an app, as exports read it."""

from dataclasses import dataclass

LAST_SESSION = "session"  # in a profile: what the newest session with a standard event said, by field


@dataclass(frozen=True, slots=True)
class Person:
    """A user's number in the app, the user id that was last seen, and the profile as a JSON text."""

    number: int
    user_id: str | None
    text: str
