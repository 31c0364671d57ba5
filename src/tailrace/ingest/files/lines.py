"""NDJSON: blocks of whole lines."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from tailrace.ingest.files.blocks import Block, Broken
from tailrace.ingest.files.opening import Opened

BLOCK_BYTES = 4 << 20
LONGEST_LINE = 16 << 20  # bytes; a longer one is a dead letter
KEPT_OF_LONG = 64 << 10  # bytes of it
_BOM = b"\xef\xbb\xbf"


def line_blocks(file: Opened, block_bytes: int = BLOCK_BYTES, longest: int = LONGEST_LINE) -> Iterator[Block]:
    """The lines of a file, without white space around them; blank lines are counted and skipped.

    Raises:
        OSError: the file's packing is damaged.
    """
    first = 1
    for data in _whole_lines(file.stream, block_bytes, longest):
        texts = data.removesuffix(b"\n").split(b"\n")
        if first == 1:
            texts[0] = texts[0].removeprefix(_BOM)
        yield _block(list(map(bytes.strip, texts)), first, longest, file.done())
        first += len(texts)


def _whole_lines(stream: pa.NativeFile, size: int, longest: int) -> Iterator[bytes]:
    """Pieces of about `size` bytes that end where a line ends. An over-long line loses what is past its limit."""
    rest = b""
    while piece := stream.read(size):
        data = rest + piece
        cut = data.rfind(b"\n") + 1
        if cut:
            yield data[:cut]
        rest = data[cut:][: longest + 1]
    if rest:
        yield rest


def _block(texts: Sequence[bytes], first: int, longest: int, done: int) -> Block:
    if all(texts) and max(map(len, texts)) <= longest:
        return Block(range(first, first + len(texts)), texts, done=done)
    lines = [line for line, text in enumerate(texts, first) if 0 < len(text) <= longest]
    broken = [_too_long(line, text, longest) for line, text in enumerate(texts, first) if len(text) > longest]
    return Block(lines, [texts[line - first] for line in lines], broken=broken, done=done)


def _too_long(line: int, text: bytes, longest: int) -> Broken:
    return Broken(line, f"line longer than {longest} bytes; its first part is kept here", text[:KEPT_OF_LONG])
