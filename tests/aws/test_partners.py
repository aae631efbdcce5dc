"""Partners' profiles on AWS: put by the deployer, read by all that take files, whatever their size."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from duff_orders import generate
from duff_orders.cli.main import app
from duff_orders.clock import utc_now
from duff_orders.lake import layout, partners
from duff_orders.profiles.profile import load
from tests.aws.conftest import THRESHOLD
from tests.aws.deployed import Deployed
from tests.effort import PATIENCE
from tests.oracle import judge

pytestmark = [pytest.mark.aws, pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("aws")]

ACME = """
prefix = "acme/"
max_reject_share = "0.9"
[file]
delimiter = ";"
[numbers]
decimal_mark = ","
thousands_mark = "."
[headers]
client_id = "Cliente"
product_description = "Art\u00edculo"
product_price = ["Precio", "Precio unitario"]
status = "Estado"
[values.status]
creado = "created"
entregado = "delivered"
roto = "broken"
"""


@pytest.fixture(scope="module")
def acme(deployed: Deployed) -> Deployed:
    partners.put(deployed.store, "acme", ACME, utc_now())
    return deployed


@pytest.mark.parametrize(("rows", "engine"), [(100, "duckdb"), (3000, "spark")])
def test_a_file_is_read_as_its_partner_writes_it(acme: Deployed, tmp_path: Path, rows: int, engine: str) -> None:
    written, plain = tmp_path / "written.csv", tmp_path / "plain.csv"
    for path, profile in ((written, load(ACME)), (plain, None)):
        generate(path, rows=rows, seed=rows, bad=0.1, duplicates=0.05, profile=profile)
    data = written.read_bytes()
    assert (len(data) >= THRESHOLD) is (engine == "spark")
    acme.put(f"acme/{rows}.csv", data)
    row = acme.row(f"acme/{rows}.csv", timeout=PATIENCE)
    expected = judge(plain.read_bytes())
    assert (row.error, row.engine, row.profile, row.verdict) == (None, engine, "acme", "valid_with_rejects")
    assert (row.rows_published, row.rows_rejected) == (expected.rows_published, expected.rows_rejected)
    assert partners.reading(acme.store, str(row.reading)).profile == "acme"
    sums = "sum(total_price) as total, sum(order_id) as orders, count(distinct status) as statuses"
    told = acme.ask(f"select {sums} from tbl_duff_orders where source_file = 'acme/{rows}.csv'")
    assert told == [
        {
            "total": str(sum(each.total_price for each in expected.published)),
            "orders": sum(each.order_id for each in expected.published),
            "statuses": 3,
        }
    ]


def test_a_profile_that_cannot_be_read_fails_its_files_alone(acme: Deployed, tmp_path: Path) -> None:
    entry = partners.put(acme.store, "moes", 'prefix = "moes/"\n', utc_now())
    name = layout.profile_object(entry.name, entry.digest)
    stored = acme.store.read(name)
    assert stored
    acme.store.replace(name, b"prefix = ", stored.token)
    try:
        path = tmp_path / "a.csv"
        generate(path, rows=10, seed=77)
        acme.put("moes/a.csv", path.read_bytes())
        row = acme.row("moes/a.csv", timeout=PATIENCE)
        assert row.verdict == "failed"
        assert f"{name} cannot be read" in str(row.error)
    finally:
        partners.remove(acme.store, "moes")


def test_the_engineer_puts_profiles_and_takes_up_what_they_change(acme: Deployed, tmp_path: Path) -> None:
    """By the command line, for whoever has credentials for it."""

    def duff(*words: object, code: int = 0) -> str:
        result = CliRunner().invoke(app, [*map(str, words), "--deployment", "duff-orders"], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output

    (tmp_path / "barts.toml").write_text('prefix = "barts/"\n[headers]\nstatus = "Estado"\n')
    duff("profile", "put", tmp_path / "barts.toml")
    assert "barts/" in duff("profile", "list")
    assert "Estado" in duff("profile", "show", "barts")
    generate(tmp_path / "nov.csv", rows=20, seed=78, profile=load('prefix = "x/"\n[headers]\nstatus = "State"\n'))
    assert "barts/nov.csv: invalid" in duff("upload", "--partner", "barts", tmp_path / "nov.csv", code=1)
    (tmp_path / "barts.toml").write_text('prefix = "barts/"\n[headers]\nstatus = ["Estado", "State"]\n')
    duff("profile", "put", tmp_path / "barts.toml")
    assert "barts/nov.csv: valid" in duff("replay", "--stale", "--partner", "barts")
    assert duff("replay", "--stale", "--partner", "barts") == ""
    assert "barts/nov.csv" in duff("files", "--partner", "barts")
    duff("profile", "rm", "barts")
