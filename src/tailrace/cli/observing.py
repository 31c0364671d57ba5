"""What processes that run for ever say of themselves."""

from tailrace.logs import configure_logs, forward_libraries
from tailrace.traces import start_traces
from tailrace.wiring import House


def observe(house: House, service: str) -> None:
    """Begin to log as the settings say, and to trace as the environment does."""
    configure_logs(level=house.settings.log.level)
    forward_libraries()
    start_traces(service)
