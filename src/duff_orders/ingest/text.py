"""An object's bytes as UTF-8 text, block by block: compression, byte order marks, encodings."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from duff_orders.reasons import invalid

BLOCK = 256 * 1024

UTF8, UTF16, WINDOWS = "utf-8", "utf-16", "windows-1252"
_BOM8 = codecs.BOM_UTF8
# The five bytes that Windows-1252 leaves undefined stand for the C1 controls: https://encoding.spec.whatwg.org/#windows-1252
WINDOWS_TABLE = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))


class NotUtf8(Exception):
    """The bytes are not UTF-8 after all: read the object again as Windows-1252."""


def is_compressed(key: str) -> bool:
    """Whether an object of this key is compressed with gzip."""
    return key.lower().endswith(".gz")


def raw_blocks(path: Path, *, compressed: bool, size: int = BLOCK) -> Iterator[bytes]:
    """The object's bytes, decompressed as a stream; see `blocks_of`."""
    with path.open("rb", buffering=0) as raw:
        yield from blocks_of(cast(BinaryIO, raw), compressed=compressed, size=size)


def blocks_of(raw: BinaryIO, *, compressed: bool, size: int = BLOCK) -> Iterator[bytes]:
    """A stream's bytes, decompressed as they come: the size that a gzip file declares is not looked at.

    Raises InvalidFile for a gzip stream that is cut off or corrupt.
    """
    handle = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if compressed else raw
    try:
        while block := handle.read(size):
            yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise invalid("not_gzip", error=error) from None


def detect(head: bytes) -> str:
    """The encoding that the first bytes speak for. UTF-8 may turn out as Windows-1252 further on."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return UTF16
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return WINDOWS
    return UTF8


def utf8_blocks(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The text as UTF-8 without byte order mark.

    Raises NotUtf8 where `encoding` is utf-8 and the bytes are not, InvalidFile for NUL characters and
    for broken UTF-16.
    """
    decoder = codecs.getincrementaldecoder(UTF16 if encoding == UTF16 else UTF8)()
    first = True
    pending = False
    try:
        for block in blocks:
            if first and encoding != UTF16:
                block = block.removeprefix(_BOM8)  # noqa: PLW2901 – the block without its mark
            first = False
            if encoding == WINDOWS:
                text = codecs.charmap_decode(block, "strict", WINDOWS_TABLE)[0].encode()
            elif encoding == UTF16:
                text = decoder.decode(block).encode()
            else:
                if pending or not block.isascii():
                    decoder.decode(block)
                    pending = bool(decoder.getstate()[0])
                text = block
            if b"\0" in text:
                raise invalid("holds_nul")
            yield text
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        if encoding == UTF8:
            raise NotUtf8 from None
        raise invalid("broken_utf16", error=error.reason) from None
