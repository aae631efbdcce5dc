"""Large objects over lines that are slow, cut, or silent: they come whole, or the last error is told."""

import hashlib
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from duff_orders.documents import Event
from duff_orders.errors import SourceChanged
from duff_orders.lake.stores import objects, ranges, s3
from duff_orders.lake.stores.ranges import in_parts
from duff_orders.lake.stores.s3 import S3Store
from tests.buckets import NOON

KIB = 1024


def test_parts_come_in_order_whatever_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "PART", 7)
    data = random.Random(1).randbytes(100)

    def read(start: int, end: int) -> bytes:
        time.sleep(random.Random(start).uniform(0, 0.01))
        return data[start:end]

    for size in (0, 1, 7, 8, 100):
        assert b"".join(in_parts(read, size)) == data[:size]


@pytest.mark.parametrize("failing", [1, 5])
def test_a_part_that_fails_or_comes_cut_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    monkeypatch.setattr(ranges, "PART", 10)
    monkeypatch.setattr(ranges, "LONGEST_PAUSE", 0)
    data, asked = random.Random(2).randbytes(95), Counter[int]()

    def read(start: int, end: int) -> bytes:
        asked[start] += 1
        if asked[start] <= failing:
            if start % 20:
                raise OSError("the line is dead")
            return data[start : end - 1]
        return data[start:end]

    assert b"".join(in_parts(read, 95)) == data
    assert set(asked.values()) == {failing + 1}


def test_what_fails_each_time_is_told_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "LONGEST_PAUSE", 0)
    asked = []

    def read(start: int, end: int) -> bytes:
        asked.append(start)
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="the line is dead"):
        list(in_parts(read, 5))
    assert len(asked) == ranges.TRIES
    asked.clear()
    with pytest.raises(OSError, match="the line is dead"):
        list(in_parts(read, 5, final=(OSError,)))
    assert len(asked) == 1


class _Slow(BaseHTTPRequestHandler):
    """S3's GET, at so many bytes a second each connection; some are cut in the middle."""

    protocol_version = "HTTP/1.1"
    data, rate, cut = b"", 256 * KIB, 0.0
    chance = random.Random(3)

    def do_GET(self) -> None:
        wanted = re.fullmatch(r"bytes=([0-9]+)-([0-9]+)", self.headers.get("range", ""))
        start, end = (int(wanted[1]), int(wanted[2]) + 1) if wanted else (0, len(self.data))
        body = self.data[start:end]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{len(self.data)}")
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Sun, 01 Mar 2026 12:00:00 GMT")
        self.end_headers()
        ends = len(body) if self.chance.random() > self.cut else len(body) // 2
        piece = self.rate // 20
        try:
            for at in range(0, ends, piece):
                self.wfile.write(body[at : min(at + piece, ends)])
                time.sleep(0.05)
        except OSError:
            return
        self.close_connection = ends < len(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Slow]]:
    """A server whose whole object takes longer than any request may, and none of whose parts does."""
    served = type("Served", (_Slow,), {"data": random.Random(4).randbytes(1536 * KIB)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr(s3, "TIMEOUTS", {"connect_timeout": 2, "read_timeout": 2, "timeout": 3})
    monkeypatch.setattr(s3, "RETRIED", 4)
    monkeypatch.setattr(ranges, "PART", 128 * KIB)
    monkeypatch.setattr(objects, "PART", 128 * KIB)
    monkeypatch.setattr(ranges, "LONGEST_PAUSE", 0.1)
    yield served
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("cut", [0.0, 0.3])
def test_a_large_object_comes_over_a_slow_line(slow: type[_Slow], cut: float) -> None:
    """It takes six seconds as a whole, a request three at the most, and its repetitions four: it would not come."""
    slow.cut = cut
    store, size = S3Store("raw", "processed"), len(slow.data)
    event = Event(bucket="raw", key="large.csv", size=size, etag="e", version="v1", time=NOON)
    with store.raw(event) as raw:
        assert raw.open().read_bytes() == slow.data
        assert raw.digest == hashlib.sha256(slow.data).hexdigest()[:32]
    assert store.digest("processed/orders/large.parquet") == f"{raw.digest}-{size}"


def test_an_object_that_is_longer_than_announced_is_another(slow: type[_Slow]) -> None:
    event = Event(bucket="raw", key="large.csv", size=200 * KIB, etag="e", version="v1", time=NOON)
    told = "holds 1572864 bytes, and 204800 were announced"
    with pytest.raises(SourceChanged, match=told), S3Store("raw", "processed").raw(event):
        pass
