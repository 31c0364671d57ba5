"""People: what is known of the users of an app, as exports read it."""

from msgspec import Struct

LAST_SESSION = "session"  # in a profile: what the newest session with a standard event said, by field


class Person(Struct, frozen=True):
    """A user's number in the app, the user id that was last seen, and the profile as a JSON text."""

    number: int
    user_id: str | None
    text: str
