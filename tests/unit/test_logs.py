"""The log: fields that are bound are in every line, levels hold, and what libraries say goes the same way."""

import json
import logging
import threading
from collections.abc import Iterator

import pytest

from tailrace.jobs.heartbeat import heartbeat
from tailrace.logs import bound, bound_value, configure_logs, forward_libraries, log
from tailrace.model.errors import Unavailable
from tests.fulldisk import full_disk


@pytest.fixture(autouse=True)
def _as_json() -> Iterator[None]:
    """Lines that a test can read; afterwards all is as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    server = logging.getLogger("uvicorn")
    told = server.level
    configure_logs(as_json=True)
    yield
    configure_logs(as_json=False, level="info")
    _ = log.info  # what other tests capture is set up
    root.handlers[:] = handlers
    root.setLevel(level)
    server.setLevel(told)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_bound_fields_are_in_every_line_of_their_block(capsys: pytest.CaptureFixture[str]) -> None:
    """Blocks nest, a line's own field goes first, and after the block they are gone."""
    with bound(request_id="r", job=1):
        log.info("a")
        with bound(job=2):
            log.info("b", job=3, export="e")
            assert (bound_value("request_id"), bound_value("job"), bound_value("other")) == ("r", 2, None)
    log.info("c")
    first, second, third = lines(capsys)
    assert (first["request_id"], first["job"]) == ("r", 1)
    assert (second["request_id"], second["job"], second["export"]) == ("r", 3, "e")
    assert not {"request_id", "job"} & third.keys()


def test_the_thread_of_a_lease_says_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """What a heartbeat logs from a thread of its own names the job."""
    tried = threading.Event()

    def renew() -> None:
        if tried.is_set():
            return
        try:
            raise Unavailable("the database did not answer", 5)
        finally:
            tried.set()

    with bound(job=7), heartbeat(renew, 30):
        assert tried.wait(30)
    assert [(line["event"], line["job"]) for line in lines(capsys)] == [("lease.not_renewed", 7)]


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines below the level are not written."""
    configure_logs(level="warning")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    configure_logs(level="debug")
    log.debug("e")
    assert [line["event"] for line in lines(capsys)] == ["c", "d", "e"]


def test_libraries_speak_through_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings of any library, and what the HTTP server says, are lines like ours; a traceback shows no values."""
    forward_libraries()
    logging.getLogger("some.library").info("not this")
    logging.getLogger("some.library").warning("beware of %s", "dogs")
    logging.getLogger("uvicorn.error").info("started\n")
    try:
        secret = "hunter" + "2"
        raise ValueError(len(secret))
    except ValueError:
        logging.getLogger("some.library").exception("failed")
    first, second, third = lines(capsys)
    assert (first["level"], first["library"], first["message"]) == ("warning", "some.library", "beware of dogs")
    assert (second["level"], second["message"]) == ("info", "started")
    assert third["level"] == "error"
    assert "ValueError: 7" in str(third["exception"])
    assert "hunter2" not in str(third["exception"])


def test_a_line_that_cannot_be_written_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither does a thousand of them, which no buffer holds; afterwards lines are written again."""
    with full_disk():
        for number in range(1_000):
            log.warning("lost", number=number)
    log.info("kept")
    assert [line["event"] for line in lines(capsys)] == ["kept"]
