"""Who may import whom. The contract itself stands in pyproject.toml."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

LINT_IMPORTS = Path(sysconfig.get_path("scripts")) / "lint-imports"


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the sources of a tree, whatever is installed, against the contract in its pyproject.toml."""
    command = [str(LINT_IMPORTS), "--no-cache", "--no-logo"]
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def made_up_tree(root: Path, tmp_path: Path, modules: dict[str, str]) -> Path:
    """A tree with our contract and other modules."""
    shutil.copy(root / "pyproject.toml", tmp_path)
    package = tmp_path / "src" / "tailrace"
    package.mkdir(parents=True)
    for name, text in {"__init__": "", **modules}.items():
        (package / f"{name}.py").write_text(text)
    return tmp_path


def test_rooms_import_downwards_only(root: Path) -> None:
    """Every import in src keeps the contract, and every room has its place in it."""
    result = lint_imports(root)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_upward_import_is_found(root: Path, tmp_path: Path) -> None:
    """The contract can fail: config may not know the command line."""
    tree = made_up_tree(root, tmp_path, {"config": "import tailrace.cli\n", "cli": ""})
    result = lint_imports(tree)
    assert result.returncode == 1
    assert "tailrace.config is not allowed to import tailrace.cli" in result.stdout


def test_an_import_of_a_sibling_is_found(root: Path, tmp_path: Path) -> None:
    """The contract can fail: app and worker share a layer and may not know each other."""
    tree = made_up_tree(root, tmp_path, {"app": "import tailrace.worker\n", "worker": ""})
    result = lint_imports(tree)
    assert result.returncode == 1
    assert "tailrace.app is not allowed to import tailrace.worker" in result.stdout


def test_a_room_without_a_place_is_found(root: Path, tmp_path: Path) -> None:
    """The contract can fail: it is exhaustive."""
    result = lint_imports(made_up_tree(root, tmp_path, {"attic": ""}))
    assert result.returncode == 1
    assert "attic" in result.stdout
