"""From an object's bytes to UTF-8 text: encodings, byte order marks, gzip."""

import codecs
import gzip
from io import BytesIO
from pathlib import Path

import pytest

from duff_orders.errors import InvalidFile
from duff_orders.ingest.text import (
    BAD_BYTE,
    UTF8,
    UTF16,
    WINDOWS,
    NotUtf8,
    blocks_of,
    is_compressed,
    readings,
    settled,
    shown,
    utf8_blocks,
)


def decoded(data: bytes, encoding: str, *, size: int = 3) -> bytes:
    return b"".join(utf8_blocks(iter([data[at : at + size] for at in range(0, len(data), size)]), encoding))


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (b"", UTF8),
        (b"abc", UTF8),
        ("ñ".encode(), UTF8),
        ("ñ".encode()[:1], UTF8),  # it may go on
        ("ñ".encode("cp1252") + b"a", WINDOWS),
        (codecs.BOM_UTF8 + b"a", UTF8),
        (codecs.BOM_UTF16_LE + b"a\0", UTF16),
        (codecs.BOM_UTF16_BE + b"\0a", UTF16),
    ],
)
def test_the_first_bytes_tell_the_encoding(head: bytes, encoding: str) -> None:
    assert readings(head, final=False)[0] == encoding


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("ñ".encode()[:1], WINDOWS),
        ("ñ".encode() + b"\xff", WINDOWS),
        ("ññ".encode() + b"\xff", UTF8),
        (codecs.BOM_UTF8 + "ñ".encode() + b"\xff", WINDOWS),  # the mark is no character
        ("ñññ".encode() + b"\xe2\x82", UTF8),
        ("ñññ🍺".encode() + b"\xf0\x9f\x8d" + b"\xff", WINDOWS),
        (codecs.BOM_UTF16_LE + b"\xff\xff", UTF16),
    ],
)
def test_the_whole_settles_the_encoding(data: bytes, encoding: str, tmp_path: Path) -> None:
    assert readings(data, final=True) == (encoding,)
    (tmp_path / "f").write_bytes(data)
    if encoding != UTF16:
        assert settled(tmp_path / "f", compressed=False) == encoding


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_bytes_that_are_no_text_are_marked_and_shown(size: int) -> None:
    data = "añ".encode() + b"\xf1\xe2\x82" + "€\ud7ff\ue000".encode() + b"\xff"
    blocks = iter([data[at : at + size] for at in range(0, len(data), size)])
    marked = b"".join(utf8_blocks(blocks, UTF8, lenient=True))
    assert len(BAD_BYTE.findall(marked)) == 4
    assert shown(marked) == "añ\\xf1\\xe2\\x82€\ud7ff\ue000\\xff"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("añ🍺z".encode(), UTF8),
        (codecs.BOM_UTF8 + "añ🍺z".encode(), UTF8),
        ("añ🍺z".encode("utf-16"), UTF16),
        (codecs.BOM_UTF16_BE + "añ🍺z".encode("utf-16-be"), UTF16),
    ],
)
def test_the_text_is_the_same_however_it_comes(data: bytes, encoding: str, size: int) -> None:
    if data.startswith(codecs.BOM_UTF8) and size < 3:
        size = 3  # the mark comes whole: blocks are larger than it
    assert decoded(data, encoding, size=size) == "añ🍺z".encode()


def test_windows_1252_has_a_character_for_every_byte_but_nul() -> None:
    text = decoded(bytes(range(1, 256)), WINDOWS).decode()
    assert (len(text), text[0x80 - 1], text[0x81 - 1]) == (255, "€", "\x81")


def test_what_is_not_utf8_after_all_is_told() -> None:
    for data in (b"good" * 100 + b"\xf1o", "ñ".encode()[:1]):
        with pytest.raises(NotUtf8):
            decoded(data, UTF8)


@pytest.mark.parametrize(
    ("data", "encoding", "reason"),
    [
        (b"a\0b", UTF8, "holds NUL"),
        (b"a\0b", WINDOWS, "holds NUL"),
        ("a\0b".encode("utf-16"), UTF16, "holds NUL"),
        ("ab".encode("utf-16")[:-1], UTF16, "broken UTF-16"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", UTF16, "broken UTF-16"),
    ],
)
def test_what_is_no_text_is_invalid(data: bytes, encoding: str, reason: str) -> None:
    with pytest.raises(InvalidFile, match=reason):
        decoded(data, encoding)


def test_gzip_is_unpacked_member_by_member() -> None:
    packed = gzip.compress(b"first,") + gzip.compress(b"second")
    assert b"".join(blocks_of(BytesIO(packed), compressed=True, size=4)) == b"first,second"
    assert list(blocks_of(BytesIO(b"abc"), compressed=False, size=2)) == [b"ab", b"c"]


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"a" * 99)[:-4], b"no gzip", gzip.compress(b"a") + b"rest"],
    ids=["cut off", "none", "followed"],
)
def test_broken_gzip_is_invalid(packed: bytes) -> None:
    with pytest.raises(InvalidFile, match="not a readable gzip file"):
        list(blocks_of(BytesIO(packed), compressed=True, size=100))


def test_the_name_tells_what_is_compressed() -> None:
    assert [is_compressed(key) for key in ("a.csv", "a.csv.gz", "A.CSV.GZ", "gz")] == [False, True, True, False]
