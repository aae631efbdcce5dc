"""An object's bytes as UTF-8 text, block by block: compression, byte order marks, encodings."""

import codecs
import gzip
import os
import re
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


# A byte of a UTF-8 file that belongs to no character goes on its way as a lone surrogate, which UTF-8 cannot hold.
_NO_TEXT = re.compile("[\udc80-\udcff]")
_SEVERAL_BYTES = re.compile("[^\x00-\x7f]")
#: ... and what it is in UTF-8's own pattern.
BAD_BYTE = re.compile(rb"\xed[\xb2\xb3][\x80-\xbf]")


class NotUtf8(Exception):
    """Some bytes are not UTF-8 after all: the whole object must tell its encoding (`settled`)."""


def is_compressed(key: str) -> bool:
    """Whether an object of this key is compressed with gzip."""
    return key.lower().endswith(".gz")


def told_size(path: Path) -> int | None:
    """How many bytes a gzip file says that it holds, by its last four; None where it cannot be read.

    Wrong for files of several members and beyond 4 GiB: good for a guess alone.
    """
    try:
        with path.open("rb") as packed:
            packed.seek(-4, os.SEEK_END)
            return int.from_bytes(packed.read(4), "little")
    except OSError:
        return None


def raw_blocks(path: Path, *, compressed: bool) -> Iterator[bytes]:
    """The object's bytes, decompressed as a stream; see `blocks_of`."""
    with path.open("rb", buffering=0) as raw:
        yield from blocks_of(cast(BinaryIO, raw), compressed=compressed, size=BLOCK)


def blocks_of(raw: BinaryIO, *, compressed: bool, size: int) -> Iterator[bytes]:
    """A stream's bytes, decompressed as they come: the size that a gzip file declares is not looked at.

    Raises InvalidFile for a gzip stream that is cut off or corrupt.
    """
    handle = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if compressed else raw
    try:
        while block := handle.read(size):
            yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise invalid("not_gzip", error=error) from None


def readings(head: bytes, *, final: bool) -> tuple[str, ...]:
    """The encodings that an object may have by its first bytes, the likeliest first; one where they are all.

    What is UTF-8 so far may turn out as Windows-1252 further on.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return (UTF16,)
    tally = _Tally()
    tally.add(head, final=final)
    if not tally.bad:
        return (UTF8,)
    likeliest, other = (UTF8, WINDOWS) if tally.encoding == UTF8 else (WINDOWS, UTF8)
    return (likeliest,) if final else (likeliest, other)


def settled(path: Path, *, compressed: bool) -> str:
    """UTF-8 or Windows-1252, of an object that is not UTF-8 throughout: the bytes that are no text are counted.

    Raises InvalidFile as `raw_blocks` does.
    """
    tally = _Tally()
    for block in raw_blocks(path, compressed=compressed):
        tally.add(block)
    tally.add(b"", final=True)
    return tally.encoding


class _Tally:
    """Counts the characters of several bytes, and the bytes that belong to no character."""

    def __init__(self) -> None:
        self.several = self.bad = 0
        self._decoder = codecs.getincrementaldecoder(UTF8)("surrogateescape")
        self._begun = False

    def add(self, block: bytes, *, final: bool = False) -> None:
        if not self._begun:
            self._begun = True
            block = block.removeprefix(_BOM8)
        decoded = self._decoder.decode(block, final)
        bad = len(_NO_TEXT.findall(decoded))
        self.bad += bad
        self.several += len(_SEVERAL_BYTES.findall(decoded)) - bad

    @property
    def encoding(self) -> str:
        return UTF8 if not self.bad or self.several > self.bad else WINDOWS


def shown(data: bytes | str) -> str:
    r"""UTF-8 as text, in which bytes that are none stand as `\x9b`."""
    decoded = data.decode(errors="surrogatepass") if isinstance(data, bytes) else data
    return _NO_TEXT.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", decoded)


def utf8_blocks(blocks: Iterator[bytes], encoding: str, *, lenient: bool = False) -> Iterator[bytes]:
    """The text as UTF-8 without byte order mark.

    Raises NotUtf8 where `encoding` is utf-8 and the bytes are not, or if `lenient` marks these (`BAD_BYTE`);
    InvalidFile for NUL characters and for broken UTF-16.
    """
    lenient = lenient and encoding == UTF8
    decoder = codecs.getincrementaldecoder(UTF16 if encoding == UTF16 else UTF8)(
        "surrogateescape" if lenient else "strict"
    )
    first = True
    pending = False
    try:
        for block in blocks:
            if first and encoding != UTF16:
                block = block.removeprefix(_BOM8)  # noqa: PLW2901 – the block without its mark
            first = False
            if encoding == WINDOWS:
                text = codecs.charmap_decode(block, "strict", WINDOWS_TABLE)[0].encode()
            elif encoding == UTF16 or lenient:
                text = decoder.decode(block).encode(errors="surrogatepass")
            else:
                if pending or not block.isascii():
                    decoder.decode(block)
                    pending = bool(decoder.getstate()[0])
                text = block
            if b"\0" in text:
                raise invalid("holds_nul")
            yield text
        if rest := decoder.decode(b"", final=True):
            yield rest.encode(errors="surrogatepass")
    except UnicodeDecodeError as error:
        if encoding == UTF8:
            raise NotUtf8 from None
        raise invalid("broken_utf16", error=error.reason) from None
