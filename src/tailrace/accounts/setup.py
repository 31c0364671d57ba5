"""The first login of a new store."""

from dataclasses import dataclass

from sqlalchemy import insert

from tailrace.accounts.keys import hash_password, new_password
from tailrace.db.engine import Database
from tailrace.db.tables import spaces, users

FIRST_SPACE = "main"
FIRST_EMAIL = "admin@localhost"


@dataclass(frozen=True, slots=True)
class FirstLogin:
    """The one-time login of the first admin; it is used up by ``POST /v1/tokens``."""

    space: str
    email: str
    password: str


def create_first_admin(database: Database) -> FirstLogin:
    """Make the first space and its admin. The password exists nowhere but in the answer."""
    login = FirstLogin(FIRST_SPACE, FIRST_EMAIL, new_password())
    with database.write() as connection:
        space = connection.scalar(insert(spaces).values(id=login.space).returning(spaces.c.number))
        row = {"space": space, "email": login.email, "role": "admin", "one_time": True}
        connection.execute(insert(users).values(**row, password_hash=hash_password(login.password)))
    return login
