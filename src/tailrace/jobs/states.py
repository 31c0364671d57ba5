"""The states of a job and every arrow between them. docs/jobs.md draws them; tests hold code and page to this table."""

from typing import Literal, NamedTuple

JobState = Literal["ready", "leased", "done"]


class Arrow(NamedTuple):
    """One way from a state to another; None is before the beginning."""

    source: JobState | None
    target: JobState
    name: str


ARROWS: tuple[Arrow, ...] = (
    Arrow(None, "ready", "enqueue"),
    Arrow("ready", "leased", "claim"),
    Arrow("ready", "done", "cancel"),
    Arrow("leased", "leased", "renew"),
    Arrow("leased", "ready", "give back"),
    Arrow("leased", "ready", "repeat"),
    Arrow("leased", "ready", "lapse"),
    Arrow("leased", "done", "finish"),
    Arrow("leased", "done", "cancel lapsed"),
)
