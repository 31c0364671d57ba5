"""Checks the documents: links, forbidden words, index pages, decisions, changelog fragments.

Run by scripts/check. Prints one finding per line with what to do next, and exits 1 if there is any.
Looks at the files that git tracks or would track. An argument names another tree to check.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

# Put together here, so that this file does not contain what it forbids.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
    )
)
MACHINE_PATHS = tuple(f"/{name}/" for name in ("work", "root"))

FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*<?([^\s>]+)|(?:href|src)=\"([^\"]+)\"", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
EXPLICIT_ANCHOR = re.compile(r"<[^>]+\b(?:id|name)=\"([^\"]+)\"")
SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
FRAGMENT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\.(?:added|changed|fixed|removed)\.md")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong, and what to do about it."""

    path: str
    line: int
    problem: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem} -> {self.advice}"


@dataclass(frozen=True)
class Tree:
    """The files of the repository that are ours: text by path. A file that is not text has an empty one."""

    texts: dict[str, str]

    def below(self, folder: str) -> list[str]:
        """The Markdown files of a folder."""
        return sorted(path for path in self.texts if path.startswith(f"{folder}/") and path.endswith(".md"))

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds one of the files."""
        return frozenset(str(parent) for path in self.texts for parent in PurePosixPath(path).parents)


@dataclass(frozen=True)
class Link:
    """A relative link: where it stands, and the path and anchor that it names."""

    line: int
    raw: str
    target: str
    anchor: str


def read_tree(root: Path) -> Tree:
    """Tracked files and new ones that are not ignored; a file deleted but still tracked is left out."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    return Tree({name: read_text(root / name) for name in names if name and (root / name).is_file()})


def read_text(path: Path) -> str:
    """The file's text; empty for one that is not text."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8", "replace")


def line_of(text: str, offset: int) -> int:
    """The line number of a place in a text."""
    return text.count("\n", 0, offset) + 1


def without_code(text: str) -> str:
    """Code blanked out, line breaks kept: links in examples are not links, and line numbers stay right."""
    text = FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    return INLINE_CODE.sub(lambda match: " " * len(match[0]), text)


def normal_path(path: str) -> str:
    """The path with its dots resolved; one that leaves the repository begins with `..`."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


def links(page: str, text: str) -> Iterator[Link]:
    """The page's relative links."""
    text = without_code(text)
    for match in LINK.finditer(text):
        raw = next(group for group in match.groups() if group)
        if SCHEME.match(raw):
            continue
        path, _, anchor = unquote(raw).partition("#")
        target = normal_path(f"{PurePosixPath(page).parent}/{path}") if path else page
        yield Link(line_of(text, match.start()), raw, target, anchor)


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Every anchor of a page; a repeated heading gets a number, as on GitHub."""
    text = FENCE.sub("", text)
    seen: dict[str, int] = {}
    found = set(EXPLICIT_ANCHOR.findall(text))
    for heading in HEADING.findall(text):
        name = slug(heading)
        count = seen.get(name, 0)
        seen[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def linked_pages(tree: Tree) -> list[str]:
    """The pages whose links are checked."""
    readme = ["README.md"] if "README.md" in tree.texts else []
    return [*readme, *tree.below("docs"), *tree.below("changelog.d")]


def link_problem(tree: Tree, link: Link) -> tuple[str, str] | None:
    """What is wrong with a link, and the advice."""
    if link.target not in tree.texts and link.target not in tree.folders:
        return f"link to {link.raw}: no such file in the repository", "mend the path or remove the link"
    if not link.anchor or not link.target.endswith(".md"):
        return None
    if link.anchor not in anchors(tree.texts[link.target]):
        return f"link to {link.raw}: no such heading in {link.target}", "use the anchor of a heading that exists"
    return None


def check_links(tree: Tree) -> Iterator[Finding]:
    """Every relative link resolves, its anchor too."""
    for page in linked_pages(tree):
        for link in links(page, tree.texts[page]):
            if problem := link_problem(tree, link):
                yield Finding(page, link.line, *problem)


def check_words(tree: Tree) -> Iterator[Finding]:
    """No file names a package registry or a folder of somebody's machine."""
    advice = dict.fromkeys(REGISTRY_HOSTS, "leave the host to the reader's own configuration")
    advice |= dict.fromkeys(MACHINE_PATHS, "write a path relative to the repository")
    for path in sorted(tree.texts):
        text = tree.texts[path]
        for word, next_step in advice.items():
            if (offset := text.find(word)) >= 0:
                yield Finding(path, line_of(text, offset), f"contains {word}", next_step)


def check_index(tree: Tree) -> Iterator[Finding]:
    """Every page of docs/ is linked from docs/index.md or README.md; a decision only from its own index."""
    starts = [page for page in ("README.md", "docs/index.md") if page in tree.texts]
    linked = {link.target for page in starts for link in links(page, tree.texts[page])}
    for page in tree.below("docs"):
        if page not in linked and not is_decision(page):
            yield Finding(page, 1, "no index links to this page", "link it from docs/index.md")


def is_decision(page: str) -> bool:
    """A decision proper, not the list of them."""
    return page.startswith("docs/decisions/") and page != "docs/decisions/README.md"


def check_decisions(tree: Tree) -> Iterator[Finding]:
    """Every decision has a title and is listed."""
    index = "docs/decisions/README.md"
    listed = {link.target for link in links(index, tree.texts[index])} if index in tree.texts else set()
    for page in filter(is_decision, tree.below("docs/decisions")):
        if not tree.texts[page].startswith("# "):
            yield Finding(page, 1, "a decision without a title", "begin it with a line `# What was decided`")
        if page not in listed:
            yield Finding(page, 1, "a decision that is not listed", f"link it from {index}")


def check_fragments(tree: Tree) -> Iterator[Finding]:
    """Every changelog fragment has a name that towncrier understands."""
    for path in sorted(tree.texts):
        folder, _, name = path.partition("/")
        if folder == "changelog.d" and name != "README.md" and not FRAGMENT.fullmatch(name):
            yield Finding(path, 1, "not the name of a fragment", "rename it to <slug>.(added|changed|fixed|removed).md")


def findings(tree: Tree) -> list[Finding]:
    """All that is wrong with the tree."""
    checks = (check_links, check_words, check_index, check_decisions, check_fragments)
    return sorted(finding for check in checks for finding in check(tree))


def main(arguments: list[str]) -> int:
    """Check this repository, or the tree that the first argument names."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[1]
    found = findings(read_tree(root))
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
