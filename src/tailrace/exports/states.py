"""Every way of an export from a state to another; its states are those of `ExportState`. docs/jobs.md draws them."""

from typing import NamedTuple

from tailrace.model.export import ExportState


class Arrow(NamedTuple):
    """One way from a state to another; None is before the beginning."""

    source: ExportState | None
    target: ExportState
    name: str


ARROWS: tuple[Arrow, ...] = (
    Arrow(None, "queued", "submit"),
    Arrow("queued", "running", "start"),
    Arrow("queued", "failed", "refuse"),
    Arrow("queued", "cancelled", "cancel at once"),
    Arrow("running", "running", "go on"),
    Arrow("running", "succeeded", "succeed"),
    Arrow("running", "failed", "fail"),
    Arrow("running", "cancelled", "cancel"),
    Arrow("succeeded", "expired", "expire"),
)
