"""What processes load: each start pays for it, and each slice process holds it."""

import subprocess
import sys

import pytest

_SAY = "import sys, {modules}\nprint(*sorted(name.split('.')[0] for name in sys.modules))"


def loaded(*modules: str) -> set[str]:
    """The packages that are there when modules were imported in a new process."""
    said = subprocess.run(
        [sys.executable, "-c", _SAY.format(modules=", ".join(modules))], capture_output=True, text=True, check=True
    )
    return set(said.stdout.split())


@pytest.mark.parametrize(
    ("modules", "needed", "needless"),
    [
        (["tailrace.remote"], "pyarrow", {"sqlalchemy", "starlette", "prometheus_client", "typer", "argon2"}),
        (["tailrace.cli.main", "tailrace.cli.worker"], "sqlalchemy", {"starlette", "uvicorn", "jinja2", "alembic"}),
        (["tailrace.cli.main", "tailrace.cli.server"], "starlette", {"alembic", "botocore", "obstore", "rich"}),
    ],
    ids=["slices", "worker", "server"],
)
def test_a_process_loads_what_it_runs(modules: list[str], needed: str, needless: set[str]) -> None:
    """A slice process needs no database and no HTTP, a worker no HTTP, and a server nothing that one setting brings."""
    found = loaded(*modules)
    assert needed in found
    assert found & needless == set()
