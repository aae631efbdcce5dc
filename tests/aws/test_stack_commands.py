"""The commands of who answers for a deployment, `--deployment`, and what they say where something is not so."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from typer.testing import CliRunner, Result

from duff_orders.cli.main import app
from duff_orders.clock import parse_time
from duff_orders.errors import InputError, PipelineError, QueryRefused
from duff_orders.lake import layout
from duff_orders.lake.stores.base import names
from tests.aws.deployed import Deployed

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("aws")]
SAMPLES = Path(__file__).parents[2] / "samples"


def duff(*words: str) -> Result:
    return CliRunner().invoke(app, [words[0], "--deployment", "duff-orders", *words[1:]])


def told(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def dirty(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A file with rejected rows, uploaded: its ledger row."""
    path = tmp_path_factory.mktemp("files") / "commands dirty.csv"
    path.write_bytes((SAMPLES / "03-dirty.csv").read_bytes().replace(b"Retail", b"Commands"))
    result = duff("upload", str(path), "--json")
    assert result.exit_code == 0, result.output
    (row,) = told(result)
    return row


def test_upload_follows_the_file_to_its_verdict(deployed: Deployed, dirty: dict[str, Any], tmp_path: Path) -> None:
    assert (dirty["source_file"], dirty["verdict"]) == ("commands dirty.csv", "valid_with_rejects")
    invalid = tmp_path / "invalid.csv"
    invalid.write_text("a,b\n1,2\n")
    result = duff("upload", str(invalid))
    assert result.exit_code == 1
    assert result.output.startswith("invalid.csv: invalid, ")
    result = duff("upload", "--no-wait", str(invalid))
    assert (result.exit_code, "uploaded" in result.output) == (0, True)


def test_files_and_rejects(dirty: dict[str, Any], tmp_path: Path) -> None:
    assert dirty in told(duff("files", "--json"))
    assert "commands dirty.csv" in duff("files").output
    shown = duff("rejects", dirty["file_id"][:12])
    assert shown.exit_code == 0, shown.output
    assert "product_ccf:not_an_integer" in shown.output
    out = tmp_path / "to correct.csv"
    exported = duff("rejects", dirty["file_id"], "--csv", str(out))
    assert exported.output == f"{dirty['rows_rejected']} rejected rows written to {out}\n"
    assert len(out.read_text(encoding="utf-8-sig").splitlines()) > dirty["rows_rejected"]


def test_query_answers_exactly_in_every_format(dirty: dict[str, Any], tmp_path: Path) -> None:
    sql = (
        "select count(*) as n, sum(total_price) as total, min(ingested_at) as t from tbl_duff_orders"
        f" where file_id = '{dirty['file_id']}'"
    )
    (found,) = told(duff("query", "--format", "json", sql))
    assert found["n"] == dirty["rows_published"]
    assert parse_time(f"{found['t']}Z") == parse_time(dirty["event_time"]).replace(microsecond=0)
    out = tmp_path / "answer.parquet"
    assert duff("query", "--format", "parquet", "--output", str(out), sql).exit_code == 0
    row = duckdb.execute(f"select n, total, typeof(total) from '{out}'").fetchone()
    assert row is not None
    assert (row[0], row[2]) == (dirty["rows_published"], "DECIMAL(38,4)")
    assert row[1] == Decimal(str(found["total"]))
    assert duff("query", "--format", "csv", sql).output.splitlines()[0] == "n,total,t"
    assert duff("query", sql).exit_code == 0
    refused = duff("query", "drop table tbl_duff_orders")
    assert (refused.exit_code, type(refused.exception)) == (1, QueryRefused)


def test_a_report_that_was_cut_says_so(deployed: Deployed, dirty: dict[str, Any]) -> None:
    deployed.modelled()
    words = ["query", "--report", "sales_by_product", "--format", "csv", "--with"]
    whole, cut = duff(*words, "limit=10000"), duff(*words, "limit=1")
    assert (whole.exit_code, whole.stderr, len(whole.stdout.splitlines()) > 2) == (0, "", True)
    assert cut.stdout.splitlines() == whole.stdout.splitlines()[:2]
    assert cut.stderr == "only the first 1 rows; --with limit=N shows more, up to 10,000\n"


def test_replay_takes_a_file_up_again_in_place(deployed: Deployed, dirty: dict[str, Any]) -> None:
    result = duff("replay", dirty["file_id"][:10], "--json")
    assert result.exit_code == 0, result.output
    (row,) = told(result)
    assert (row["revision"], row["verdict"], row["rows_published"]) == (1, dirty["verdict"], dirty["rows_published"])
    count = f"select count(*) as n from tbl_duff_orders where file_id = '{dirty['file_id']}'"
    assert deployed.ask(count) == [{"n": dirty["rows_published"]}]
    execution = deployed.executions()[0]
    assert execution["name"].startswith(f"replay-{dirty['file_id']}-r1-")


def test_check_finds_what_does_not_hold(deployed: Deployed, dirty: dict[str, Any]) -> None:
    deployed.modelled()
    assert duff("check").exit_code == 0, duff("check").output
    store = deployed.store
    row = next(row for row in deployed.rows() if row.file_id == dirty["file_id"])
    orphan = layout.data_object("tbl_duff_orders", row.pa_date, row.file_id, revision=row.revision, part=7)
    store.put_new(orphan, b"nobody's")
    (lost,) = layout.data_objects("tbl_duff_rejected_rows", row)
    for told, gone in (
        (f"{orphan}: an orphan, no ledger row speaks of it; `duff repair` puts it aside", ""),
        (f"the object {lost} is missing; `duff repair` processes its file again", lost),
    ):
        if gone:
            store.delete(gone)
        result = duff("check")
        assert (result.exit_code, told in result.output) == (1, True), result.output
        result = duff("repair", "--dry-run")
        assert (result.exit_code, "to be mended: 1" in result.output) == (1, True), result.output
        result = duff("repair")
        assert result.exit_code == 0, result.output
    assert "".join(names(store, "processed/set_aside/")).endswith(orphan.removeprefix("processed/"))
    deployed.modelled()
    assert duff("check", "--deep").exit_code == 0, duff("check").output
    glue = boto3.client("glue")
    table = glue.get_table(DatabaseName=deployed.outputs["Database"], Name="dim_clients")["Table"]
    moved = {**table["StorageDescriptor"], "Location": "s3://nowhere/"}
    given = {"Name": "dim_clients", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": moved}
    glue.update_table(DatabaseName=deployed.outputs["Database"], TableInput=given)
    try:
        assert "dim_clients: the catalog is behind" in duff("check").output
    finally:
        given["StorageDescriptor"] = table["StorageDescriptor"]
        glue.update_table(DatabaseName=deployed.outputs["Database"], TableInput=given)


def test_status_and_the_dead_letters(deployed: Deployed) -> None:
    deployed.modelled()
    result = duff("status")
    assert result.exit_code == 0, result.output
    for expected in (
        "newest verdict: 20",
        "files that wait to be taken up: 0; under way: 0",
        "last build: 20",
        "dead-letter queue: 0",
    ):
        assert expected in result.output
    found = json.loads(duff("status", "--json").stdout)
    assert (found["running"], found["undelivered"], found["failed_job"]) == (0, 0, None)
    assert found["newest_file"].startswith("20")
    events = boto3.client("events")
    events.disable_rule(Name="duff-orders-file-arrived")
    data = (SAMPLES / "01-orders.csv").read_bytes().replace(b"Moe", b"Letter")
    version = deployed.put("dead letter.csv", data)
    events.enable_rule(Name="duff-orders-file-arrived")
    found = {"key": "dead letter.csv", "size": len(data), "etag": "0", "version-id": version}
    event = {
        "time": "2026-03-01T12:00:00Z",
        "detail": {"bucket": {"name": deployed.outputs["RawBucket"]}, "object": found},
    }
    boto3.client("sqs").send_message(QueueUrl=deployed.outputs["Undelivered"], MessageBody=json.dumps(event))
    waiting = duff("status")
    assert (waiting.exit_code, "dead-letter queue: 1" in waiting.output) == (1, True)
    again = duff("status", "--redrive")
    assert again.output.startswith("1 announcements started again\n")
    assert deployed.row("dead letter.csv").verdict == "valid"


def test_what_is_not_there_is_said_in_a_sentence(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(app, ["files", "--deployment", "nowhere"])
    assert type(result.exception) is InputError
    assert str(result.exception) == "there is no stack nowhere-duff-orders-buckets; `duff deploy` makes it"
    result = CliRunner().invoke(app, ["status"])
    assert (result.exit_code, "--deployment NAME says which deployment" in result.output) == (2, True)
    monkeypatch.setenv("DUFF_DEPLOYMENT", "duff-orders")
    assert CliRunner().invoke(app, ["files"]).exit_code == 0
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    result = CliRunner().invoke(app, ["files"])
    assert type(result.exception) is PipelineError
    assert str(result.exception).startswith("AWS cannot be asked: Could not connect")


def test_a_replay_that_fails_is_told_and_takes_nothing_away(deployed: Deployed) -> None:
    """It had been waited for, for hours: the outcome of before is still there, and no other comes."""
    version = deployed.put("gone.csv", (SAMPLES / "01-orders.csv").read_bytes().replace(b"Moe", b"Gone"))
    row = deployed.row("gone.csv")
    deployed.settled()
    boto3.client("s3").delete_object(Bucket=deployed.outputs["RawBucket"], Key="gone.csv", VersionId=version)
    result = duff("replay", row.file_id, "--json")
    assert result.exit_code == 1
    (failed,) = told(result)
    assert failed["verdict"] == "failed"
    assert failed["reason"].endswith("; the outcome of before still stands")
    assert deployed.row("gone.csv") == row


def test_a_client_is_erased_as_the_documents_say(deployed: Deployed) -> None:
    s3, raw = boto3.client("s3"), deployed.outputs["RawBucket"]
    lines = (SAMPLES / "01-orders.csv").read_bytes().replace(b"Moe", b"Erased").splitlines(keepends=True)
    whole = b"".join([lines[0], *(b"424242" + line[line.index(b",") :] for line in lines[1:3]), *lines[3:]])
    version = deployed.put("erase.csv", whole)
    row = deployed.row("erase.csv")
    sql = (
        "select distinct file_id, source_file from tbl_duff_orders where client_id = 424242"
        " union select file_id, source_file from tbl_duff_rejected_rows where client_id = '424242'"
    )
    found = duff("query", sql, "--format", "csv")
    assert found.stdout.splitlines()[1:] == [f"{row.file_id},erase.csv"]
    deployed.build()
    deployed.put("erased.csv", b"".join([lines[0], *lines[3:]]))
    deployed.row("erased.csv")
    s3.delete_object(Bucket=raw, Key="erase.csv", VersionId=version)
    for name in [*names(deployed.store, "processed/")]:
        if row.file_id in name or name == layout.content_object(row.content or ""):
            deployed.store.delete(name)
    assert duff("models", "--rebuild").exit_code == 0
    assert duff("check", "--deep").exit_code == 0
    for table in ("tbl_duff_orders", "fact_orders", "dim_clients"):
        assert deployed.ask(f"select count(*) as n from {table} where client_id = 424242") == [{"n": 0}]
