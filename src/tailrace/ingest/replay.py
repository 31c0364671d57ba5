"""Replay: a dead letter is read once more, and accepted if it can be now (a limit was raised, a defect mended)."""

from collections.abc import Callable, Sequence

import msgspec
import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace

from tailrace.accounts.audit import Actor, note
from tailrace.db.engine import Database
from tailrace.ingest.accept import Door, Origin, accept
from tailrace.ingest.draft import Draft, Rejected
from tailrace.ingest.files.blocks import Block, RawRows
from tailrace.ingest.files.importing import drafter
from tailrace.ingest.files.mapping import parse_map
from tailrace.ingest.files.opening import Format
from tailrace.ingest.files.reading import Reading
from tailrace.ingest.protocols import PROTOCOLS
from tailrace.ingest.protocols.native import draft_records
from tailrace.model.errors import Invalid
from tailrace.store.deadletters import Buried, DeadLetter, find, settle
from tailrace.store.inbox import Submission, append_received


class Context(msgspec.Struct):
    """The context of a dead letter: the native protocol's, or a file's. Other protocols read their own."""

    protocol: str
    sent_at: int | None = None
    format: Format = "ndjson"
    map: str | None = None
    types: dict[str, str] = msgspec.field(default_factory=dict)


_context = msgspec.json.Decoder(Context).decode


class Replayed(Struct, frozen=True):
    """What a replay did: how many records went into the inbox, or why it is still rejected."""

    number: int
    records: int
    reason: str | None


def replay(database: Database, door: Door, number: int, now: Callable[[], int], actor: Actor) -> Replayed:
    """Accept a dead letter as often as it was seen and not yet replayed, and tell the audit so; change nothing if it is
    still bad.

    Raises:
        NotFound: this app has no letter of that number.
    """
    buried = find(database, door.scope, number)
    times = buried.seen - buried.replayed
    if not times:
        return Replayed(number, 0, "it was replayed before")
    draft = _draft(buried.letter)
    origin = Origin(buried.letter.source, buried.letter.context)
    outcome = accept(door, draft, _raws(buried.letter), origin, now(), heard_at=buried.received_at)
    if outcome.rejected:
        return Replayed(number, 0, outcome.rejected[0].reason)
    if not _move(database, buried, _repeated(outcome.submission, times), actor):
        return Replayed(number, 0, "somebody else is replaying it")
    return Replayed(number, times, None)


def _move(database: Database, buried: Buried, submission: Submission, actor: Actor) -> bool:
    """From the letters to the inbox in one transaction, so that the ledger holds throughout."""
    app, records = submission.scope.app_id, buried.seen - buried.replayed
    with database.write_both() as (inbox, audit):
        if not settle(inbox, submission.scope, buried):
            return False
        append_received(inbox, submission)
        now = database.now(audit)
        note(audit, actor, "dead_letter.replayed", str(buried.number), now, {"records": records}, app=app)
    return True


def _repeated(submission: Submission, times: int) -> Submission:
    """Each time that it was received counts; all but one are duplicates, which the seal counts as such."""
    records = {shard: pa.concat_tables([table] * times) for shard, table in submission.records.items()}
    return replace(submission, records=records, dropped=submission.dropped * times)


def _draft(letter: DeadLetter) -> Draft:
    context = _context(letter.context)
    place = letter.position
    if context.protocol in PROTOCOLS:
        draft = PROTOCOLS[context.protocol].draft([letter.raw], msgspec.json.decode(letter.context))
    elif context.protocol != "file":
        draft = draft_records([letter.raw], context.sent_at)
    elif context.format == "ndjson":
        draft = _file_draft(Block((place,), (letter.raw,)), context, None)
    else:
        cells = _cells(letter.raw)
        if not cells:
            return _rejected(letter)
        columns = {name: pa.array([cell], pa.string()) for name, cell in cells.items()}
        try:
            draft = _file_draft(Block((place,), columns=columns), context, list(cells))
        except Invalid:  # it never was split into the file's cells
            return _rejected(letter)
    return replace(
        draft,
        places=[place] * len(draft.places),
        rejected=[Rejected(place, rejected.reason) for rejected in draft.rejected],
    )


def _file_draft(block: Block, context: Context, columns: Sequence[str] | None) -> Draft:
    file = Reading("", context.format, 0, iter(()), columns, context.types)
    return drafter(parse_map(context.map) if context.map is not None else None, file)(block)


def _cells(raw: bytes) -> dict[str, str | None]:
    """The cells of a row by column; none of a row that never was split into cells."""
    try:
        return msgspec.json.decode(raw, type=dict[str, str | None])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _rejected(letter: DeadLetter) -> Draft:
    return replace(draft_records([], None), rejected=[Rejected(letter.position, letter.reason)])


def _raws(letter: DeadLetter) -> RawRows:
    return RawRows((letter.position,), lambda _: letter.raw)
