"""What a verification found, as values. `cli.verify_view` shows them."""

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One thing that is wrong. `code` is stable; `where` is the file, manifest or directory; `advice` is what to do."""

    code: str
    where: str
    expected: str
    found: str
    advice: str
    export: str | None = None


class Note(Struct, frozen=True):
    """Something that could not be proven, though nothing is known to be wrong."""

    where: str
    unproven: str
    export: str


class VerifiedExport(Struct, frozen=True):
    """One export: what was read of it (rows and packed bytes of its files, not what its manifest claims).

    `rows` are not those of users tables.
    """

    export: str
    app: str
    window: str
    files: int
    rows: int
    bytes: int
    ok: bool


class VerifiedChain(Struct, frozen=True):
    """Increments of one app and one request, in their order; a repeated export is not counted again.

    `from_beginning`: nothing came before its first export. `complete`: nothing is missing, damaged or doubled from its
    first export to its last. `through`: the instant up to which its last export is complete. `events`: how many events
    were read, as rows or nested in them; `ids`: how many of them carried an id, and so took part in the proof that none
    comes twice.
    """

    app: str
    exports: tuple[str, ...]
    rows: int
    ids: int
    through: str
    filtered: bool
    from_beginning: bool
    complete: bool
    events: int = 0


class Report(Struct, frozen=True):
    """The whole answer."""

    exports: tuple[VerifiedExport, ...]
    findings: tuple[Finding, ...]
    chains: tuple[VerifiedChain, ...]
    notes: tuple[Note, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there was something to verify and nothing is wrong with it."""
        return bool(self.exports) and not self.findings
