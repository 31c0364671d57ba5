"""Where the scenario takes place."""

from tests.crash.conftest import embedded

__all__ = ["embedded"]  # fixtures
