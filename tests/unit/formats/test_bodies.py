"""Bodies: whatever pieces and texts a file is made of, a plain reader of its packing reads them in order."""

import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.formats.bodies import BODIES, EXTENSIONS, MEDIA_TYPES, DeflateBody
from tailrace.formats.packing import Store, pack, unpack
from tailrace.model.export import PACKINGS, Packing

STORES: dict[Packing, Store] = {"none": "lz4", "gzip": "deflate", "zstd": "lz4", "zip": "deflate"}
parts = st.lists(st.tuples(st.booleans(), st.binary(max_size=200) | st.just(b"abc" * 50_000)), max_size=6)


def file_of(packing: Packing, contents: list[tuple[bool, bytes]]) -> bytes:
    """A file of pieces (true) and texts (false)."""
    made = bytearray()
    body = BODIES[packing](made.extend)
    for is_piece, data in contents:
        if is_piece:
            packed = pack(STORES[packing], data)
            body.piece(unpack(STORES[packing], bytes(packed.data), len(data)), len(data), packed.crc)
        else:
            body.text(data)
    body.close()
    return bytes(made)


def read(packing: Packing, data: bytes) -> bytes:
    """One call of a reader that stops after the first member or frame, which must be all there is."""
    if packing == "none":
        return data
    reader = (
        zstandard.ZstdDecompressor().decompressobj()
        if packing == "zstd"
        else zlib.decompressobj(wbits=31 if packing == "gzip" else -15)
    )
    text: bytes = reader.decompress(data)
    assert reader.eof
    assert reader.unused_data == b""
    return text


@pytest.mark.parametrize("packing", PACKINGS)
@settings(deadline=None, max_examples=50)
@given(contents=parts)
def test_a_reader_that_stops_after_the_first_stream_reads_everything(
    packing: Packing, contents: list[tuple[bool, bytes]]
) -> None:
    """Pieces and texts come out in order, none, empty, small and large, and nothing is left over."""
    assert read(packing, file_of(packing, contents)) == b"".join(data for _, data in contents)


@settings(deadline=None, max_examples=50)
@given(parts)
def test_a_deflated_body_knows_its_size_and_checksum(contents: list[tuple[bool, bytes]]) -> None:
    """An archive's directory needs both, and they are combined from those of the pieces."""
    body = DeflateBody(bytearray().extend)
    for is_piece, data in contents:
        packed = pack("deflate", data)
        body.piece(bytes(packed.data), len(data), packed.crc) if is_piece else body.text(data)
    whole = b"".join(data for _, data in contents)
    assert (body.raw, body.crc) == (len(whole), zlib.crc32(whole))


def test_a_zstd_file_is_one_frame_with_a_checksum() -> None:
    """A one-shot reader needs nothing but room, and a changed byte is seen."""
    data = file_of("zstd", [(False, b"[\n"), (True, b"x" * 9_000_000), (False, b","), (True, bytes(range(256)) * 999)])
    text = zstandard.ZstdDecompressor().decompress(data, max_output_size=20_000_000)
    assert text == b"[\n" + b"x" * 9_000_000 + b"," + bytes(range(256)) * 999
    assert zstandard.get_frame_parameters(data).has_checksum
    broken = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompress(broken, max_output_size=20_000_000)


@pytest.mark.parametrize("packing", PACKINGS)
def test_equal_pieces_give_equal_bytes(packing: Packing) -> None:
    """Time, machine and number of cores are in no file."""
    contents = [(True, b"ab" * 2_000_000), (False, b","), (True, bytes(range(256)) * 20_000)]
    assert file_of(packing, contents) == file_of(packing, contents)


@pytest.mark.parametrize(("tool", "packing"), [("gzip", "gzip"), ("zstd", "zstd")])
def test_the_tools_of_the_system_read_it(tool: str, packing: Packing, tmp_path: Path) -> None:
    """The command that people have at hand finds the file whole."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    path = tmp_path / f"rows{EXTENSIONS[packing]}"
    path.write_bytes(file_of(packing, [(True, b"a\n" * 99), (False, b"b\n")]))
    done = subprocess.run([tool, "-dc", path], capture_output=True, check=True)
    assert done.stdout == b"a\n" * 99 + b"b\n"


@given(st.binary(max_size=300))
def test_what_waits_in_parts_comes_back(data: bytes) -> None:
    """Pieces that must be unpacked again are what they were."""
    stores: tuple[Store, ...] = ("lz4", "plain")
    for store in stores:
        assert unpack(store, bytes(pack(store, data).data), len(data)) == data


def test_every_packing_has_an_extension_and_says_what_it_is() -> None:
    """The tables are total; a file that is not packed has the type of its format."""
    assert set(BODIES) == set(EXTENSIONS) == set(PACKINGS)
    assert set(MEDIA_TYPES) == set(PACKINGS) - {"none"}
