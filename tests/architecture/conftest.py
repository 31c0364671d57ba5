"""What the tests of the tree's shape share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def src(root: Path) -> Path:
    """The package's sources."""
    return root / "src" / "tailrace"
