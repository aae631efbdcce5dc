"""The loop in a browser: a file drops in, its wrong cells show, it is corrected and dropped again; whatever happens."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.api.lakes import SAMPLES
from tests.api.test_serve import serving
from tests.browser.conftest import served
from tests.browser.tabs import Opened

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

HEADER = (SAMPLES / "01-orders.csv").read_text().splitlines()[0]


def drop(page: Any, *paths: Path) -> None:
    """Choose files, and let them be sent."""
    page.locator("[data-drop] input").set_input_files([str(path) for path in paths])


def item(page: Any, key: str) -> Any:
    """The line that tells how far a file is."""
    return page.locator("[data-uploads] li", has_text=key)


def wait_for(page: Any, key: str, text: str, seconds: float = 240) -> Any:
    """The line of a file, once it says so."""
    found = item(page, key).filter(has_text=text)
    found.wait_for(timeout=seconds * 1000)
    return found


def correct(download: Path, path: Path, *, first: int, channel: str) -> int:
    """Write what was downloaded for correction with good values, its orders numbered from `first` on; how many rows."""
    with download.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    values = ["1", "Moe", "9", "1", "Duff", "2.50", "6", "0.33", channel, "created"]
    good = dict(zip(HEADER.split(","), values, strict=True))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        for number, row in enumerate(rows):
            writer.writerow({**row, **good, "order_id": str(first + number), "duff_changes": ";".join(good)})
    return len(rows)


def test_drop_see_correct_drop_again(opened: Opened, tmp_path: Path) -> None:
    with served(tmp_path) as address:
        page = opened()
        page.goto(address)
        assert "No file has come yet." in page.inner_text("h1")
        assert "Take the sample: 5 files" in page.inner_text("main")
        drop(page, SAMPLES / "03-dirty.csv")
        wait_for(page, "03-dirty.csv", "valid, some rows rejected, in the tables").locator("a").click()
        page.wait_for_url("**/files/*")
        # which cell, and what is allowed
        assert page.locator("td.wrong", has_text="six").inner_text() == "six\nnot a whole number"
        assert page.locator("tr", has_text="product_ccf: not a whole number").locator("td").nth(2).inner_text() == (
            "a whole number from 1 to 2,147,483,647"
        )
        with page.expect_download() as told:
            page.get_by_role("link", name="Open rows").click()
        download = tmp_path / told.value.suggested_filename
        told.value.save_as(download)
        assert correct(download, download, first=9000, channel="B2B") == 11
        drop(page, download)
        wait_for(page, "03-dirty-corrected.csv", "valid, in the tables")
        page.reload()
        assert "11 rows were not loaded = 0 open + 11 corrected + 0 given up" in page.inner_text("main")
        page.get_by_role("link", name="Today").click()
        assert "Nothing is open" in page.inner_text("main")
        page.goto(f"{address}/orders/9003")
        assert "03-dirty-corrected.csv" in page.inner_text("main")


def test_an_invalid_file_is_replaced_on_its_page(opened: Opened, tmp_path: Path) -> None:
    with served(tmp_path) as address:
        page = opened()
        page.goto(address)
        drop(page, SAMPLES / "05-missing-column.csv")
        wait_for(page, "05-missing-column.csv", "invalid").locator("a").click()
        page.wait_for_url("**/files/*")
        assert "This file is open until a replay succeeds, or it is replaced or given up." in page.inner_text("main")
        drop(page, SAMPLES / "01-orders.csv", SAMPLES / "02-orders-later.csv")
        assert "one file takes the place of another" in item(page, "01-orders.csv").inner_text()
        drop(page, SAMPLES / "01-orders.csv")
        wait_for(page, "01-orders.csv", "valid, in the tables")
        page.reload()
        assert "Another file has taken this one's place." in page.inner_text("main")
        page.get_by_role("link", name="Today").click()
        assert "Nothing is open" in page.inner_text("main")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_files_are_dropped_anywhere_or_pasted(opened: Opened, tmp_path: Path, way: str) -> None:
    with served(tmp_path) as address:
        page = opened()
        page.goto(f"{address}/files")
        send_by(page, way)
        wait_for(page, f"{way}.csv", "valid, in the tables")


def send_by(page: Any, way: str) -> None:
    """Drop a file on the page's heading, or paste it there."""
    text = (SAMPLES / "01-orders.csv").read_text()
    page.evaluate(
        """([way, text]) => {
            const data = new DataTransfer();
            data.items.add(new File([text], way + ".csv"));
            const event = way === "drop"
                ? new DragEvent(way, { dataTransfer: data, bubbles: true })
                : new ClipboardEvent(way, { clipboardData: data, bubbles: true });
            document.querySelector("h1").dispatchEvent(event);
        }""",
        [way, text],
    )


def test_an_invalid_file_says_why_in_spanish(opened: Opened, tmp_path: Path) -> None:
    with served(tmp_path) as address:
        page = opened(locale="es-CL")
        page.goto(f"{address}/files")
        drop(page, SAMPLES / "05-missing-column.csv")
        wait_for(page, "05-missing-column.csv", "inválido").locator("a").click()
        page.locator(".head", has_text="falta la columna `status`").wait_for()
        page.get_by_role("link", name="English").click()
        page.locator(".head", has_text="column `status` missing").wait_for()


def test_what_is_no_orders_file_is_refused(opened: Opened, samples_served: str, tmp_path: Path) -> None:
    page = opened()
    page.goto(samples_served)
    (tmp_path / "notes.txt").write_text("hello")
    drop(page, tmp_path / "notes.txt")
    wait_for(page, "notes.txt", "refused: this is no orders file by its name; allowed is *.csv")
    refused = opened.said  # type: ignore[attr-defined]
    assert all("422" in each for each in refused), refused  # the browser's own note of the answer's status
    refused.clear()


def test_two_tabs_follow_the_same_files(opened: Opened, tmp_path: Path) -> None:
    with served(tmp_path, DUFF_SETTLE="3") as address:
        first, second = opened(), opened()
        first.goto(address)
        drop(first, SAMPLES / "01-orders.csv")
        wait_for(first, "01-orders.csv", "waiting for its turn")
        second.goto(f"{address}/files")  # where it stands on top, though another tab sent it
        drop(second, SAMPLES / "02-orders-later.csv")
        for page, key in ((first, "01-orders.csv"), (second, "01-orders.csv"), (second, "02-orders-later.csv")):
            wait_for(page, key, "valid, in the tables")
        second.reload()
        assert second.locator("tbody tr:not(.group)").count() == 2


def test_a_restart_in_the_middle_loses_nothing(opened: Opened, tmp_path: Path) -> None:
    page = opened()
    with serving(tmp_path / "lake", "--no-watch") as (address, process, _):
        page.goto(address)
        drop(page, SAMPLES / "01-orders.csv")
        wait_for(page, "01-orders.csv", "waiting for its turn")
        process.terminate()
        process.wait()
    port = address.rpartition(":")[2]
    with serving(tmp_path / "lake", "--port", port):
        wait_for(page, "01-orders.csv", "valid, in the tables")
    lost = opened.said  # type: ignore[attr-defined]
    assert all("net::ERR_" in each or "Failed to load" in each for each in lost), lost  # while nobody answered
    lost.clear()


def test_a_large_file_shows_its_progress(opened: Opened, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    row = "{0},Moe's Tavern and Bowling Alley,{0},1,Duff Classic in a long description,2.50,6,0.33,Retail,created\n"
    with large.open("w") as stream:
        stream.write(HEADER + "\n")
        size = number = 0
        while size < 100_000_000:
            number += 1
            size += stream.write(row.format(number))
    with served(tmp_path) as address:
        page = opened()
        page.goto(address)
        # every text that the line of the file ever shows, and every length of the bar
        page.evaluate("""() => {
            window.texts = []; window.lengths = [];
            const look = () => {
                const item = document.querySelector('[data-uploads] li');
                if (item) window.texts.push(item.innerText);
                const bar = item && item.querySelector('progress');
                if (bar && bar.value) window.lengths.push(bar.value / bar.max);
                requestAnimationFrame(look);
            };
            look();
        }""")
        drop(page, large)
        wait_for(page, "large.csv", "valid, in the tables")
        texts, lengths = set(page.evaluate("window.texts")), page.evaluate("window.lengths")
        assert lengths == sorted(lengths)
        assert len(set(lengths)) > 1
        assert any("%" in text for text in texts), texts  # of what is checked, or written
