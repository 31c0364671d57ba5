"""Files of exports for downloads: found, judged and noted together, and nobody's failure is another one's."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from tailrace.accounts.audit import Actor, Download
from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import audit
from tailrace.exports import downloads
from tailrace.exports.downloads import Opening, Sought, Wanted, find_files, open_files
from tailrace.exports.records import Export, StoredFile, insert_files
from tailrace.exports.submit import submit
from tailrace.model.access import Scope
from tailrace.model.errors import Expired, Unavailable
from tailrace.wiring import House
from tests.sending import principal, request

NAMES = ("a.json", "b ö.csv", "c.parquet")


def stored(name: str) -> StoredFile:
    """A file of an export."""
    return StoredFile(name, f"acme/app/exports/{name}", len(name), "0" * 64, "application/json")


@pytest.fixture
def export(house: House, scope: Scope) -> Export:
    """An export with files."""
    made = submit(house.submitter(), principal(house, scope), scope, request(scope))
    with house.database.write() as connection:
        insert_files(connection, made, [stored(name) for name in NAMES])
    return made


def noted(house: House) -> list[tuple[int, str, str | None, str]]:
    """Downloads that the audit tells of, oldest first."""
    query = select(audit.c.space, audit.c.subject, audit.c.app_id, audit.c.detail)
    query = query.where(audit.c.action == "file.downloaded").order_by(audit.c.number)
    with house.database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_what_is_there_is_found(house: House, scope: Scope, export: Export) -> None:
    """Each file of an export; an export without the file; no export that is not there, or is of another space."""
    own, other = scope.space, scope_of_app(house.database, "app_other").space
    assert own != other
    here = [Wanted(export.id, name, space) for name in (*NAMES, "no.json") for space in (None, own)]
    nowhere = [Wanted("exp_no", "a.json"), Wanted("\0", "a.json"), Wanted(export.id, "\0"), Wanted("", "", own)]
    nowhere += [Wanted(export.id, name, other) for name in NAMES]
    found = find_files(house.database, [*here, *nowhere])
    assert set(found) == set(here)
    for wanted, sought in found.items():
        assert (sought.export, sought.scope, sought.state, sought.expires_at) == (export.id, scope, export.state, None)
        assert sought.file == (stored(wanted.file) if wanted.file in NAMES else None)


def opening(file: str, export: Export, judge: Callable[[Sought | None], Any] | None = None) -> Opening[Any]:
    """A request for a file, which begins to download it unless it is judged otherwise."""

    def begins(sought: Sought | None) -> tuple[Any, Download]:
        assert sought is not None
        scope = sought.scope
        return sought.file, Download(Actor(scope.space, "a link"), sought.export, scope.app_id, file)

    return Opening(Wanted(export.id, file), judge or begins)


def refuse(_sought: Sought | None) -> Any:
    """Somebody may not have it."""
    raise Expired(7)


def test_downloads_that_begin_are_noted_once(house: House, scope: Scope, export: Export) -> None:
    """As often as they begin, the same file too; who is refused or only goes on is answered and told of nowhere."""
    begin = [opening(NAMES[0], export), opening(NAMES[0], export), opening(NAMES[1], export)]
    refused, goes_on = (
        opening(NAMES[0], export, refuse),
        opening(NAMES[2], export, lambda sought: (sought and sought.file, None)),
    )
    answers = open_files(house.database, [refused, *begin, goes_on])
    assert [answers[one] for one in begin] == [stored(NAMES[0]), stored(NAMES[0]), stored(NAMES[1])]
    assert isinstance(answers[refused], Expired)
    assert answers[goes_on] == stored(NAMES[2])
    details = (f'{{"file":"{NAMES[0]}"}}', f'{{"file":"{NAMES[0]}"}}', f'{{"file":"{NAMES[1]}"}}')
    assert noted(house) == [(scope.space, export.id, "app_waves", detail) for detail in details]


def test_without_an_audit_no_download_begins(house: House, export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be noted it fails; who only goes on with one, or is refused, does not notice."""

    def fail(*_: object) -> None:
        raise Unavailable("the disk of the database is full", 5)

    monkeypatch.setattr(downloads, "note_downloads", fail)
    begins = opening(NAMES[0], export)
    refused, goes_on = opening(NAMES[0], export, refuse), opening(NAMES[2], export, lambda _: ("more", None))
    answers = open_files(house.database, [begins, refused, goes_on])
    assert isinstance(answers[begins], Unavailable)
    assert isinstance(answers[refused], Expired)
    assert answers[goes_on] == "more"
    assert noted(house) == []
