"""Files dropped on a page: taken, followed, corrected, dropped again; and what is not taken."""

import csv
import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from fastapi.testclient import TestClient

from tests.api.lakes import SAMPLES, application
from tests.api.test_serve import QUICK_DUFF, get, serving
from tests.effort import PATIENCE
from tests.faults.commands import until
from tests.lakes import open_lake

pytestmark = pytest.mark.slow


@pytest.fixture
def console(tmp_path: Path) -> Iterator[TestClient]:
    with application(open_lake(tmp_path / "lake")) as (client, _):
        yield client


def raw(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "lake" / "raw").glob("*")}


def test_a_file_is_put_whole_and_never_over_another(console: TestClient, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir(exist_ok=True)
    for content, key in ((b"one", "a.csv"), (b"one", "a.csv"), (b"two", "a-")):
        answer = console.put("/console/uploads/a.csv", content=content)
        assert answer.status_code == 202, answer.text
        assert answer.json()["key"].startswith(key)
    assert sorted(raw(tmp_path).values()) == [b"one", b"two"]


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "..%2f..%2fa.csv",
        "%2e%2e%2fa.csv",
        "a%00.csv",
        "a%0a.csv",
        "\u202ea.csv",
        "a" * 300 + ".csv",
        ".csv%5ca",
    ],
)
def test_a_name_that_is_none_is_refused(console: TestClient, tmp_path: Path, name: str) -> None:
    answer = console.put(f"/console/uploads/{name}", content=b"x")
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert raw(tmp_path) == {}


def test_another_site_may_send_nothing(console: TestClient, tmp_path: Path) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert console.put("/console/uploads/a.csv", content=b"x", headers=headers).status_code == 403
    assert console.post("/console/uploads/a.csv", content=b"x").status_code == 405
    assert raw(tmp_path) == {}


def test_more_than_the_disk_has_room_for_is_refused_at_once(console: TestClient) -> None:
    answer = console.put("/console/uploads/a.csv", content=b"x", headers={"Content-Length": str(10**18)})
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


def stages(address: str, wanted: Any, seconds: float = 30) -> dict[str, Any]:
    """Read events until the files' stages are as wanted."""
    with httpx2.stream("GET", f"{address}/console/events", timeout=seconds) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                found = {each["key"]: each for each in json.loads(line.removeprefix("data: "))}
                if wanted(found):
                    return found
    raise AssertionError("the stream has ended")


def test_drop_reject_correct_drop_again(tmp_path: Path) -> None:
    """The loop, with the real server: the rejected rows are corrected, dropped, and published."""
    with serving(tmp_path / "lake") as (address, process, _log):
        dirty = (SAMPLES / "03-dirty.csv").read_bytes()
        sent = httpx2.put(f"{address}/console/uploads/{quote('03 dirty.csv')}", content=dirty, timeout=PATIENCE)
        assert sent.status_code == 202
        found = stages(address, lambda seen: seen.get("03 dirty.csv", {}).get("stage") == "tables")
        file_id = found["03 dirty.csv"]["file_id"]
        page = httpx2.get(f"{address}/files/{file_id}", headers={"Accept-Language": "es"}, timeout=PATIENCE)
        assert "no es un número entero" in page.text
        told = httpx2.get(f"{address}/files/{file_id}/corrections.csv", timeout=PATIENCE).content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(told, newline="")))
        (six,) = [row for row in rows if row["product_ccf"] == "six"]
        corrected = io.StringIO(newline="")
        writer = csv.DictWriter(corrected, rows[0].keys())
        writer.writeheader()
        writer.writerow({**six, "product_ccf": "6"})
        httpx2.put(f"{address}/console/uploads/corrected.csv", content=corrected.getvalue().encode(), timeout=PATIENCE)
        found = stages(address, lambda seen: seen.get("corrected.csv", {}).get("stage") == "tables")
        row = get(address, f"/v1/files/{found['corrected.csv']['file_id']}")
        assert (row["verdict"], row["rows_published"], row["rows_rejected"]) == ("valid", 1, 0)
        # after a restart the stages are still told
        process.kill()
        process.wait()
    with serving(tmp_path / "lake") as (address, process, _log):
        again = stages(address, lambda seen: len(seen) == 2)
        assert {each["stage"] for each in again.values()} == {"tables"}
        with httpx2.stream("GET", f"{address}/console/events", timeout=PATIENCE) as open_stream:
            until(lambda: next(open_stream.iter_lines()) is not None)
            process.terminate()
            assert process.wait(10) == 0  # a stream that is open does not hold it


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    with serving(tmp_path / "lake", "--no-watch") as (address, process, _log):

        def parts() -> Iterator[bytes]:
            for _ in range(1000):
                yield b"x" * 100_000

        assert httpx2.put(f"{address}/console/uploads/large.csv", content=parts(), timeout=PATIENCE).status_code == 202
        assert (tmp_path / "lake" / "raw" / "large.csv").stat().st_size == 10**8
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert int(status.partition("VmHWM:")[2].split()[0]) < 250_000
        get(address, "/v1/health")


def test_a_stream_of_events_outlives_the_wait_for_a_slow_body(tmp_path: Path) -> None:
    with serving(tmp_path / "lake", "--no-watch", duff=QUICK_DUFF) as (address, _process, log):
        with httpx2.stream("GET", f"{address}/console/events", timeout=PATIENCE) as answer:
            lines = answer.iter_lines()
            next(lines)
            time.sleep(2.5)  # it waits 2 s for a body
            sent = httpx2.put(f"{address}/console/uploads/late.csv", content=b"a,b\n", timeout=PATIENCE)
            assert sent.status_code == 202
            until(lambda: "late.csv" in next(lines))
        assert "Traceback" not in log.read_text()


def pipe(path: Path) -> None:
    os.mkfifo(path)


#: What may have a name, and is no file that can be compared.
OTHERS: dict[str, Callable[[Path], object]] = {
    "a pipe": pipe,
    "a folder": lambda path: path.mkdir(),
    "a dead link": lambda path: path.symlink_to("nowhere"),
    "a loop of links": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_has_the_name_and_is_no_file_is_gone_round(console: TestClient, tmp_path: Path, other: str) -> None:
    folder = tmp_path / "lake" / "raw"
    folder.mkdir(parents=True)
    OTHERS[other](folder / "a.csv")
    for _ in range(2):
        answer = console.put("/console/uploads/a.csv", content=b"one")
        assert answer.status_code == 202, answer.text
        key = answer.json()["key"]
        assert key != "a.csv"
        assert (folder / key).read_bytes() == b"one"
    (folder / key).unlink()
    OTHERS[other](folder / key)
    answer = console.put("/console/uploads/a.csv", content=b"one")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-request")
    why = "a.csv: the raw folder holds something else of this name; rename it"
    assert answer.json()["detail"] == f"a.csv cannot be put there ({why})"


def test_what_is_answered_is_on_the_disk(console: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very file and its folder, and what is above a folder that is new; of a file that was there already, too."""
    (tmp_path / "lake").mkdir(exist_ok=True)
    synced: list[tuple[int, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.append((status.st_dev, status.st_ino))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    folder = tmp_path / "lake" / "raw"
    for is_new in (True, False):
        synced.clear()
        assert console.put("/console/uploads/a.csv", content=b"one").status_code == 202
        file, its_folder = (synced.index(_which(path)) for path in (folder / "a.csv", folder))
        assert file < its_folder
        assert (_which(folder.parent) in synced) == is_new


def _which(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def test_an_upload_is_stored_once(console: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is whole, and then: what is linked in is the very file that was received."""
    monkeypatch.setattr(shutil, "copyfile", lambda *_: pytest.fail("it was copied"))
    assert console.put("/console/uploads/a.csv", content=b"one").status_code == 202
    assert raw(tmp_path) == {"a.csv": b"one"}


def test_a_raw_folder_may_be_a_mount(tmp_path: Path) -> None:
    folder = tmp_path / "lake" / "raw"
    folder.mkdir(parents=True)
    told = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True, text=True)
    if told.returncode:
        pytest.skip(f"it needs the right to mount: {told.stderr.strip()}")
    try:
        with application(open_lake(tmp_path / "lake")) as (client, _):
            for content in (b"one", b"one", b"two"):
                assert client.put("/console/uploads/a.csv", content=content).status_code == 202
        assert sorted(raw(tmp_path).values()) == [b"one", b"two"]  # and nothing beside them
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_who_waits_for_a_lock_keeps_nobody_waiting(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    with serving(tmp_path / "lake", "--no-watch") as (address, process, _log), ThreadPoolExecutor(1) as pool:
        with lake.store.lock("scratch"):
            sent = pool.submit(httpx2.put, f"{address}/console/uploads/a.csv", content=b"one", timeout=PATIENCE)
            until(lambda: _waits_for(process.pid))
            assert get(address, "/v1/health")["status"] == "ok"
            assert not sent.done()
        assert sent.result().status_code == 202


def _waits_for(pid: int) -> bool:
    """Whether a process waits for a lock of the file system."""
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return any(str(pid) in line for line in waiting)
