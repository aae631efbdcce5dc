"""What a file that is not CSV is, by its first bytes: the name of a reason (`is_zip`, ...)."""

import codecs
import re

_MAGIC = (
    (b"\x1f\x8b", "is_gzip"),
    (b"%PDF-", "is_pdf"),
    (b"PAR1", "is_parquet"),
    (b"\xd0\xcf\x11\xe0", "is_xls"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# What workbooks hold, which are ZIP archives.
_WORKBOOK = re.compile(rb"xl/|\[Content_Types\]\.xml")
_HTML = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body|table)\b", re.IGNORECASE)
_JSON = re.compile(rb"\s*[\[{]\s*[\[{\"\]}]")
# Bytes that are looked at: of UTF-16 without a mark most of every other one are NUL.
_SAMPLE = 400
_MOST = 0.8
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def kind_of(head: bytes) -> str | None:
    """What the first bytes of an object that is no orders file say that it is; None where they say nothing."""
    if head.startswith(_ZIP):
        return "is_xlsx" if _WORKBOOK.search(head) else "is_zip"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    sample = head[:_SAMPLE]
    odd, even = sample[::2], sample[1::2]
    for nul, other in ((odd, even), (even, odd)):
        if nul and nul.count(0) > _MOST * len(nul) and 0 not in other and not sample.startswith(_UTF16_MARKS):
            return "is_utf16"
    text = head.removeprefix(b"\xef\xbb\xbf")
    return "is_html" if _HTML.match(text) else "is_json" if _JSON.match(text) else None
