"""Files over HTTP: with a token, or by the links of a manifest, whole or in ranges."""

import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import update

from tailrace.accounts.limits import set_limits
from tailrace.db.tables import exports
from tailrace.model.clock import HOUR, MINUTE, parse_iso
from tailrace.upkeep.sweep import sweep
from tests.contract.live import READ
from tests.contract.native.conftest import Api, Row
from tests.sending import T0, event


@pytest.fixture
def manifest(api: Api) -> Row:
    """An export of a table whose name needs care, in a URL and in a header."""
    api.send(event('50% "off" #1 Größe', T0), event("plain", T0))
    api.seal()
    return api.manifest(shape="tables", format="csv", packing="none")


def links(manifest: Row) -> Iterator[tuple[str, Row]]:
    """Link and description of every file, the schema's too."""
    for file in (*manifest["files"], manifest["schema"]):
        yield file["url"], file


def test_a_link_needs_no_token(api: Api, manifest: Row) -> None:
    """Each link of a manifest brings its file, whatever its name, as HEAD and GET, and no token is sent."""
    assert any("50% _off_ #1 Größe" in file["name"] for _, file in links(manifest))
    for url, file in links(manifest):
        answer = api.http.get(url)
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        head = api.http.head(url)
        assert (head.status_code, head.headers["content-length"]) == (200, str(file["bytes"]))
        named = answer.headers["content-disposition"].partition("filename*=UTF-8''")[2]
        assert unquote(named) == file["name"]
        assert answer.headers["etag"] == f'"{file["sha256"]}"'


def test_links_are_below_the_public_url(api: Api, manifest: Row) -> None:
    """Links stand below the configured URL, and are made anew for each request; what is stored has none."""
    api.house.settings.public_url = "https://data.example/tailrace/"
    path = f"/v1/exports/{manifest['export']}/manifest"
    again = api.http.get(path, headers=READ).json()
    for (url, file), (old, _) in zip(links(again), links(manifest), strict=True):
        assert url.startswith(f"https://data.example/tailrace/v1/exports/{manifest['export']}/files/")
        assert int(parse_qs(urlsplit(url).query)["expires"][0]) >= int(parse_qs(urlsplit(old).query)["expires"][0])
        assert file["sha256"]
    with api.house.database.read() as connection:
        kept = connection.execute(exports.select()).one().manifest
    assert "url" not in kept
    assert "signature" not in kept


def test_the_life_of_links_is_a_policy(api: Api, manifest: Row) -> None:
    """A link says until when it is good: an hour after the manifest was asked for, or as long as the policy says."""
    path = f"/v1/exports/{manifest['export']}/manifest"
    for life in (HOUR, MINUTE):
        with api.house.database.write() as connection:
            set_limits(connection, {"downloads.link_life_ms": life})
            before = api.house.database.now(connection)
        for url, _ in links(api.http.get(path, headers=READ).json()):
            expires = int(parse_qs(urlsplit(url).query)["expires"][0])
            assert before + life - 1000 < expires * 1000 < before + life + MINUTE


def test_a_link_ends(api: Api, manifest: Row) -> None:
    """After its life a link is 403 and says since when; the file is there, and a new manifest opens it again."""
    with api.house.database.write() as connection:
        set_limits(connection, {"downloads.link_life_ms": 0})
    path = f"/v1/exports/{manifest['export']}/manifest"
    (url, _), *_ = links(api.http.get(path, headers=READ).json())
    for method in ("GET", "HEAD"):
        assert api.http.request(method, url).status_code == 403
    problem = api.http.get(url, headers=READ).json()
    assert (problem["code"], problem["retryable"]) == ("link_expired", False)
    assert parse_iso(problem["expired_at"]) == int(parse_qs(urlsplit(url).query)["expires"][0]) * 1000
    assert api.http.get(next(links(manifest))[0]).status_code == 200


@pytest.mark.parametrize("swept", [False, True], ids=["its time is over", "swept"])
def test_a_link_ends_with_its_export(api: Api, manifest: Row, swept: bool) -> None:
    """Once the export has expired its files are 410, by link and by token, at its very instant and after the sweep."""
    over = parse_iso(api.http.get(f"/v1/exports/{manifest['export']}", headers=READ).json()["finished_at"]) - 2 * HOUR
    with api.house.database.write() as connection:
        connection.execute(update(exports).values(expires_at=over))
    if swept:
        sweep(api.house.sweeper(), api.scope(), lambda: None)
    for url, _ in links(manifest):
        for answer in (api.http.get(url), api.http.get(url.partition("?")[0], headers=READ)):
            assert (answer.status_code, answer.json()["code"]) == (410, "expired")


def test_a_token_opens_a_file_without_a_link(api: Api, manifest: Row) -> None:
    """The path of a link takes a token instead of its query, and nothing without either."""
    for url, file in links(manifest):
        bare = url.partition("?")[0]
        assert api.http.get(bare).status_code == 401
        assert hashlib.sha256(api.http.get(bare, headers=READ).content).hexdigest() == file["sha256"]


def test_ranges_of_a_file(api: Api, manifest: Row) -> None:
    """A range brings its bytes and says which; one behind the end is 416, with the size, so that a client can stop."""
    url, file = next(links(manifest))
    whole, size = api.http.get(url).content, file["bytes"]
    assert size > 10
    for asked, start, stop in (("0-3", 0, 4), ("5-", 5, size), ("-4", size - 4, size), (f"7-{size + 9}", 7, size)):
        answer = api.http.get(url, headers={"range": f"bytes={asked}"})
        assert (answer.status_code, answer.content) == (206, whole[start:stop])
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
    beyond = api.http.get(url, headers={"range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert (beyond.json()["code"], beyond.json()["size"]) == ("range_not_satisfiable", size)
    unchanged = api.http.get(url, headers={"if-none-match": f'"{file["sha256"]}"'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_a_download_is_told_once(api: Api, manifest: Row) -> None:
    """A GET that sends byte 0 is in the audit once, by a link or by whom; HEAD, 304, 416 and others are not."""
    url, file = next(links(manifest))
    tag = f'"{file["sha256"]}"'
    silent: list[tuple[str, dict[str, str]]] = [
        ("HEAD", {}),
        ("GET", {"if-none-match": tag}),
        ("GET", {"range": "bytes=1-"}),
        ("GET", {"range": f"bytes={file['bytes']}-"}),
    ]
    for method, headers in silent:
        api.http.request(method, url, headers=headers)
    assert downloads(api) == []
    for headers in ({}, {"range": "bytes=0-1"}, {"range": "bytes=-9999999"}):
        assert api.http.get(url, headers=headers).is_success
    assert api.http.get(url.partition("?")[0], headers=READ).is_success
    told = [(one["subject"], one["detail"], one["app"], one["who"]) for one in downloads(api)]
    assert told == [
        (manifest["export"], {"file": file["name"]}, "app_waves", who) for who in ("ana@example.com", *["a link"] * 3)
    ]


def downloads(api: Api) -> list[Row]:
    """What the audit says of downloads, newest first."""
    found: list[Row] = api.http.get("/v1/audit?action=file.downloaded", headers=READ).json()["entries"]
    return found
