"""scripts/check_docs.py finds what it says it finds."""

import subprocess
import sys
from pathlib import Path

GOOD = {
    "README.md": "# Tailrace\n\n[docs](docs/index.md)\n",
    "docs/index.md": "# Docs\n\n[guide](guide.md#two-words), [decisions](decisions/README.md), `[code](nowhere.md)`\n",
    "docs/guide.md": "# Guide\n\n## Two words\n\n[up](../README.md) [out](https://example.com/nowhere)\n",
    "docs/decisions/README.md": "# Decisions\n\n- [one](0001-one.md)\n",
    "docs/decisions/0001-one.md": "# One\n",
    "changelog.d/README.md": "# Fragments\n",
    "changelog.d/two-words.added.md": "It does more.\n",
}
BAD = {
    "README.md": "[docs](docs/index.md)\n\n[gone](docs/gone.md)\n",
    "docs/index.md": "[guide](guide.md#three-words)\n",
    "docs/guide.md": "## Two words\n",
    "docs/lost.md": "# Lost\n",
    "docs/decisions/0001-one.md": "One\n",
    "changelog.d/two words.md": "It does more.\n",
    "deploy/pip.conf": "index-url = https://" + "pypi" + ".org/simple\n",
    "deploy/run": "cd /" + "root/tailrace\n",
}
FOUND = {
    "README.md:3: link to docs/gone.md: no such file in the repository",
    "docs/index.md:1: link to guide.md#three-words: no such heading in docs/guide.md",
    "docs/lost.md:1: no index links to this page",
    "docs/decisions/0001-one.md:1: a decision without a title",
    "docs/decisions/0001-one.md:1: a decision that is not listed",
    "changelog.d/two words.md:1: not the name of a fragment",
    "deploy/pip.conf:1: contains " + "pypi" + ".org",
    "deploy/run:1: contains /" + "root/",
}


def check_docs(root: Path, tree: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Write the files into a fresh repository and check it."""
    subprocess.run(["git", "init", "--quiet", tree], check=True)
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    command = [sys.executable, str(root / "scripts" / "check_docs.py"), str(tree)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_good_tree_passes(root: Path, tmp_path: Path) -> None:
    """A tree that keeps the rules has no finding; links in code and links to the web are not followed."""
    result = check_docs(root, tmp_path, GOOD)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_every_fault_is_found(root: Path, tmp_path: Path) -> None:
    """Each kind of fault is reported once, at its line, with what to do next."""
    result = check_docs(root, tmp_path, BAD)
    assert result.returncode == 1
    lines = [line.partition(" -> ") for line in result.stdout.splitlines()]
    assert sorted(problem for problem, _, _ in lines) == sorted(FOUND)
    assert all(advice for _, _, advice in lines)


def test_an_ignored_file_is_not_ours(root: Path, tmp_path: Path) -> None:
    """What git ignores is not checked, and a link to it is broken for everybody else."""
    files = {
        ".gitignore": "/local/\n",
        "README.md": "[notes](local/notes.md)\n",
        "local/notes.md": "/" + "root/\n",
    }
    result = check_docs(root, tmp_path, files)
    assert result.stdout.startswith("README.md:1: link to local/notes.md")
    assert len(result.stdout.splitlines()) == 1
