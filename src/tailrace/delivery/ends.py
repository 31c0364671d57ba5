"""How an attempt at a delivery ends when it does not end well. Whatever else is raised is tried again."""


class GivenUp(Exception):
    """Trying again changes nothing; the text says why, and may be read by tenants."""


class Void(Exception):
    """There is nothing to deliver any more; the text says why."""


class PutOff(Exception):
    """It is not the time yet, which is nobody's failure."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Stopped(Exception):
    """This process ends, or another one has the job: nothing is said of how it went."""
