"""The script for web pages as it is served: small, from any page, and not again to who has it."""

import gzip
import subprocess
from pathlib import Path

import pytest

from tailrace.ingest.protocols import segment
from tailrace.wiring import House
from tests.contract.live import live
from tests.sdk import node_modules

FOLDER = Path(segment.__file__).parent
MOST_BYTES = 3000
PACKED = {"accept-encoding": "gzip"}
PLAIN = {"accept-encoding": "identity"}
FORMS = {"packed": PACKED, "plain": PLAIN}


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on the database."""
    name: str = request.param
    return name


def test_it_is_small_and_any_page_may_have_it(house: House) -> None:
    """The script is less than 3 kB in gzip, the same plain, a script by its type, and in every cache for an hour; it
    needs no key, and pages of any origin may load it, those that isolate themselves too.
    """
    with live(house) as client:
        with client.stream("GET", "/tailrace.js", headers=PACKED) as answer:
            packed = b"".join(answer.iter_raw())
        plain = client.get("/tailrace.js", headers=PLAIN)
    assert answer.headers["content-encoding"] == "gzip"
    assert len(packed) < MOST_BYTES
    assert gzip.decompress(packed) == plain.content == (FOLDER / "tailrace.min.js").read_bytes()
    assert "content-encoding" not in plain.headers
    for headers in (answer.headers, plain.headers):
        assert headers["content-type"] == "text/javascript; charset=utf-8"
        assert headers["cache-control"] == "public, max-age=3600"
        assert headers["vary"] == "accept-encoding"
        assert headers["access-control-allow-origin"] == "*"
        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert headers["x-content-type-options"] == "nosniff"


def test_who_has_it_does_not_get_it_again(house: House) -> None:
    """Each form has a tag of its own; with it the answer is 304 and empty, with that of the other form it is whole.
    HEAD says what GET would.
    """
    with live(house) as client:
        tags = {name: client.get("/tailrace.js", headers=form).headers["etag"] for name, form in FORMS.items()}
        assert tags["packed"] != tags["plain"]
        for name, form in FORMS.items():
            for tag in tags.values():
                again = client.get("/tailrace.js", headers=form | {"if-none-match": f'"x", W/{tag}'})
                assert (again.status_code == 304) == (tag == tags[name])
                assert (again.content == b"") == (tag == tags[name])
                assert again.headers["etag"] == tags[name]
        head = client.head("/tailrace.js", headers=PLAIN)
    assert (head.status_code, head.headers["etag"], head.content) == (200, tags["plain"], b"")


def test_what_is_served_is_made_from_the_source() -> None:
    """The small form is what scripts/minify makes of the readable one."""
    program = node_modules() / ".bin" / "terser"
    flags = ["--compress", "passes=3,unsafe_arrows", "--mangle"]
    made = subprocess.run([program, FOLDER / "tailrace.js", *flags], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == (FOLDER / "tailrace.min.js").read_text("utf-8").strip()
