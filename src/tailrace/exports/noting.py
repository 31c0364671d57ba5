"""Notes: how far an export is, written down now and then, since each note is a durable write. With it goes the record
of finished slices, and a look at whether the export is to go on.
"""

import time

from sqlalchemy import Connection

from tailrace.exports.attempts import Attempt
from tailrace.jobs.queue import hold
from tailrace.jobs.yielding import others_wait
from tailrace.logs import log
from tailrace.model.errors import Unavailable
from tailrace.model.points import point

EVERY_S = 0.25


class Notes:
    """Takes progress of an attempt; raises Interrupted when that is to end."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._noted = time.monotonic()

    def __call__(self, slices: int, rows: int) -> None:  # noqa: ARG002 - as `Progress` has it
        """Take note that so many slices are done.

        Raises:
            Interrupted: the attempt ends here.
            FenceLost: another worker has the job.
        """
        self._attempt.course.check()
        if time.monotonic() - self._noted >= EVERY_S:
            self._note(slices)
            self._noted = time.monotonic()
            self._attempt.course.check()

    def _note(self, slices: int) -> None:
        """A note that cannot be written now goes with the next one: the lease says how long that may go on."""
        point("export.before_record")
        try:
            with self._attempt.database.write() as connection:
                self._look(connection)
                self._attempt.change(connection, slices_done=slices)
                recorded = self._attempt.recorded.write(connection)
        except Unavailable as error:
            log.warning("export.not_noted", export=self._attempt.id, why=error.why)
        else:
            self._attempt.recorded.written(recorded)

    def _look(self, connection: Connection) -> None:
        attempt = self._attempt
        if hold(connection, attempt.job) == "cancel":
            attempt.course.end("cancel")
        elif others_wait(connection, attempt.job, attempt.runner.turn_ms):
            attempt.course.end("way")
