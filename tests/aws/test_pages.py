"""The console over a deployment, in a browser: `duff serve --deployment`."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from duff_orders.aws.pages import RawBucket, source_of
from duff_orders.aws.remote import UPLOAD, Remote, _own_version
from duff_orders.clock import utc_now
from duff_orders.errors import InputError, PipelineError
from duff_orders.lake import layout, partners, snapshot
from duff_orders.lake.corrections import published
from duff_orders.lake.stores.s3 import S3Store
from duff_orders.query import statements
from duff_orders.query.athena import Athena
from duff_orders.query.result import Result
from duff_orders.settings import Settings
from tests.api.test_serve import serving
from tests.aws.deployed import Deployed
from tests.aws.emulator import new_buckets
from tests.browser.tabs import Opened
from tests.browser.test_loop import correct, drop, wait_for

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws")]
SAMPLES = Path(__file__).parents[2] / "samples"


def test_drop_see_correct_drop_again(deployed: Deployed, opened: Opened, tmp_path: Path) -> None:
    dirty = tmp_path / "pages dirty.csv"
    dirty.write_bytes((SAMPLES / "03-dirty.csv").read_bytes().replace(b"Retail", b"Pages"))
    with serving(tmp_path, "--deployment", "duff-orders", "--queries") as (address, _, _):
        page = opened()
        page.goto(address)
        drop(page, dirty)
        wait_for(page, "pages dirty.csv", "valid, some rows rejected").locator("a").click()
        page.wait_for_url("**/files/*")
        assert page.locator("td.wrong", has_text="six").inner_text() == "six\nnot a whole number"
        with page.expect_download() as told:
            page.get_by_role("link", name="Open rows").click()
        assert told.value.suggested_filename == "pages dirty-corrected.csv"
        corrected = tmp_path / "pages dirty-corrected.csv"
        assert correct(Path(told.value.path()), corrected, first=9_700_000, channel="Pages") == 11
        drop(page, corrected)
        deployed.row("pages dirty-corrected.csv")
        deployed.modelled()
        wait_for(page, "pages dirty-corrected.csv", "valid, in the tables")
        page.reload()
        assert "11 rows were not loaded = 0 open + 11 corrected + 0 given up" in page.inner_text("main")
        page.goto(f"{address}/sales?period=all")
        assert page.locator("figure svg[role=img]:visible").count() == 4
        page.goto(f"{address}/orders/9700003")
        assert "pages dirty-corrected.csv" in page.inner_text("main")
        page.goto(f"{address}/orders?channel=Pages")
        assert page.locator("tbody tr").count() > 10
        page.goto(f"{address}/sql")
        page.get_by_label("Query").fill(
            "select count(*) as n from fact_orders where order_id between 9700000 and 9700010"
        )
        page.get_by_role("button", name="Run").click()
        page.locator("[data-state]", has_text="1 rows in").wait_for()
        assert page.locator("[data-result] td").inner_text() == "11"


def test_a_day_is_told_and_rows_are_corrected(deployed: Deployed, opened: Opened, tmp_path: Path) -> None:
    """The calendar, a partner, the proof of today, the grid: drafts and what is said of days lie in the deployment."""
    now = utc_now()
    days = 'days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]'
    expect = f'zone = "UTC"\nby = "00:01"\nsince = "{now.date()}"\n{days}\n'
    partners.put(deployed.store, "pages", f'prefix = "pages/"\n[expect]\n{expect}', now)
    data = (SAMPLES / "03-dirty.csv").read_bytes().replace(b"Retail", b"Grid")
    deployed.put("pages/grid.csv", data)
    row = deployed.row("pages/grid.csv")
    try:
        with serving(tmp_path, "--deployment", "duff-orders") as (address, _, _):
            page = opened()
            page.goto(address)
            page.get_by_role("link", name="pages, ").first.wait_for()
            page.goto(f"{address}/partners/pages")
            assert "11" in page.inner_text(".figures")
            page.goto(f"{address}/proof/{row.event_time.date()}")
            assert "check holds" in page.inner_text("main")
            page.goto(f"{address}/files/{row.file_id}/correct")
            wrong = page.locator("[data-cell=product_ccf][aria-invalid=true]").first
            line = wrong.evaluate("each => each.closest('tr').dataset.line")
            wrong.fill("6")
            wrong.press("Enter")
            page.locator("[data-told]", has_text=f"line {line} is right").wait_for(state="attached")
            page.get_by_role("button", name="Publish 1 corrected row").click()
            page.wait_for_url("**/files/*published=*")
            (corrections,) = published(deployed.store, row.file_id)
            made = deployed.row(corrections.key)
            assert (made.verdict, made.corrects) == ("valid", (f"{row.file_id}:{line}",))
    finally:
        partners.remove(deployed.store, "pages")


def test_a_file_is_put_beside_others_of_its_name(aws: str, tmp_path: Path) -> None:
    raw, processed = new_buckets()
    bucket = RawBucket(S3Store(raw, processed))
    assert bucket.files() == []
    path = tmp_path / "orders.csv"
    keys = []
    for data in (b"one", b"one", b"two", b"two", b"x" * 9_000_000, b"x" * 9_000_000):
        path.write_bytes(data)
        keys.append(bucket.put(path))
    assert keys[:2] == ["orders.csv", "orders.csv"]
    assert (keys[2], keys[4]) == (keys[3], keys[5])
    assert len(set(keys)) == 3
    assert set(bucket.files()) == set(keys)
    assert bucket.holds(keys[2])
    assert not bucket.holds("other.csv")
    boto3.client("s3").put_object(Bucket=raw, Key="orders.csv.part", Body=b"")
    boto3.client("s3").put_object(Bucket=raw, Key="in//odd.csv", Body=b"")
    boto3.client("s3").put_object(Bucket=raw, Key=keys[2], Body=b"else")
    path.write_bytes(b"two")
    with pytest.raises(InputError, match="rename it"):
        bucket.put(path)
    assert set(RawBucket(bucket.store).files()) == {*keys, "in//odd.csv"}


def test_two_consoles_put_nothing_over_each_other(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, processed = new_buckets()
    one, other = (RawBucket(S3Store(raw, processed)) for _ in range(2))
    paths = [tmp_path / name / "orders.csv" for name in ("one", "other")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(path.parent.name.encode())
    look = RawBucket._look_at

    def overtaken(bucket: RawBucket, s3: Any, key: str) -> Any:
        """Just after the one has looked, the other puts its file."""
        found = look(bucket, s3, key)
        monkeypatch.setattr(RawBucket, "_look_at", look)
        assert other.put(paths[1]) == "orders.csv"
        return found

    monkeypatch.setattr(RawBucket, "_look_at", overtaken)
    key = one.put(paths[0])
    assert key.startswith("orders-")
    s3 = boto3.client("s3")
    found = {each: s3.get_object(Bucket=raw, Key=each)["Body"].read() for each in ("orders.csv", key)}
    assert found == {"orders.csv": b"other", key: b"one"}


def test_an_upload_follows_its_own_version(aws: str) -> None:
    raw, _ = new_buckets()
    s3 = boto3.client("s3")
    mine = s3.put_object(Bucket=raw, Key="a.csv", Body=b"mine", Metadata={UPLOAD: "mine"})
    s3.put_object(Bucket=raw, Key="a.csv.gz", Body=b"longer", Metadata={UPLOAD: "mine"})
    s3.put_object(Bucket=raw, Key="a.csv", Body=b"theirs", Metadata={UPLOAD: "theirs"})
    assert _own_version(s3, raw, "a.csv", "mine")["VersionId"] == mine["VersionId"]
    with pytest.raises(PipelineError, match="upload it again"):
        _own_version(s3, raw, "a.csv", "nobody's")


def test_what_is_asked_once_is_kept_until_the_next_build(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(Remote.of("duff-orders", Settings.load()), queries=False)
    asked: list[str] = []
    ask = Athena.ask

    def counted(self: Athena, sql: str, *rest: Any, **more: Any) -> Result:
        asked.append(sql)
        return ask(self, sql, *rest, **more)

    monkeypatch.setattr(Athena, "ask", counted)
    deployed.modelled()
    assert source.lag(snapshot.current(deployed.store).build_id) == ""
    first = source.ask(statements.channels())
    assert source.ask(statements.channels()) == first
    assert len(asked) == 1
    # while the catalog moves, the answer is not kept, and answers name no build
    store = deployed.store
    kept = store.read(layout.STAR_SHOWN)
    assert kept is not None
    assert first.version == kept.data.decode()
    store.delete(layout.STAR_SHOWN)
    try:
        late = source_of(Remote.of("duff-orders", Settings.load()), queries=False)
        assert (late.lag(first.version), late.version()) == ("moving", None)
        assert late.ask(statements.channels()).rows == late.ask(statements.channels()).rows == first.rows
        assert len(asked) == 3
    finally:
        store.put_new(layout.STAR_SHOWN, kept.data)
