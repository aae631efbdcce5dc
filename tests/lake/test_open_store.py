"""A store is one module, opened by its scheme: what stands above it knows none by name."""

import subprocess
import sys
from pathlib import Path

import pytest

from duff_orders.errors import InputError
from duff_orders.lake.events import record
from duff_orders.lake.lake import Lake
from duff_orders.lake.stores import SCHEMES, open_store
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.local.run import process
from duff_orders.settings import Settings
from tests.memory import MemoryStore


def test_a_folder_and_two_buckets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = open_store(str(tmp_path / "lake"))
    assert isinstance(found, DiskStore)
    assert found.root == tmp_path / "lake"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    there = open_store("s3://raw,processed", holder="one")
    assert (there.raw_bucket, there.address("processed/a/b")) == ("raw", "s3://processed/a/b")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("gs://raw,processed", "has no scheme of a store; allowed are a folder, s3://"),
        ("s3://raw", "names no two buckets; write s3://RAW_BUCKET,PROCESSED_BUCKET"),
        ("s3://raw,", "names no two buckets"),
    ],
)
def test_an_address_that_is_none(address: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        open_store(address)


def test_only_the_store_that_is_opened_is_imported() -> None:
    told = "import sys; from duff_orders.lake.stores import open_store; open_store('lake'); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert "duff_orders.lake.stores.disk" in modules
    assert not {"obstore", "boto3", "duff_orders.lake.stores.s3"} & {*modules}


def test_another_store_is_a_module_and_a_scheme(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(SCHEMES, "memory", "tests.memory")
    store = open_store("memory://one")
    assert isinstance(store, MemoryStore)
    lake = Lake(Settings(lake=tmp_path, retries=0), store)
    file = tmp_path / "orders.csv"
    file.write_bytes(
        b"client_id,client_name,order_id,product_id,product_description,product_price,product_ccf,"
        b"product_volume,point_of_sale_channel,status\n1,Moe,1,1,Duff,2.50,6,0.33,Retail,created\n"
    )
    store.publish("raw/orders.csv", file)
    [event] = store.lying()
    record(store, event)
    row = process(lake, event)
    assert (row.verdict, row.rows_published) == ("valid", 1)
    assert [each.name.rpartition("/")[2] for each in store.listed("processed/orders/")] == [
        f"{event.file_id}-0.parquet"
    ]
