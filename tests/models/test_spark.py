"""The star schema built by Spark, and by both engines in turn, against the plain model."""

import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duff_orders.contract import ORDERS, STAR
from duff_orders.drivers.spark import SESSION
from duff_orders.engines.duckdb import builder as on_duckdb
from duff_orders.engines.spark import builder as on_spark
from duff_orders.errors import EngineError
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import current
from duff_orders.lake.stores.base import names
from duff_orders.models.build import BuildReport, build
from tests.effort import beyond, examples
from tests.models.stars import expected, file, line, open_lake, orphans, publish, tables
from tests.models.test_build import FILES
from tests.models.test_faults import NEW, OLD, Killed, MortalStore
from tests.oracle import FileRows

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]

# Wild cards and escapes to Spark's readers, and nothing special in a folder's name.
ODD = "a lake [1] {x,y} %41 é"


@pytest.fixture(autouse=True)
def _few_statements_are_compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling takes longer than such few rows do: only the statements of the test that meets every case are."""
    if "late_moved" not in request.node.name:
        monkeypatch.setitem(SESSION, "spark.sql.codegen.wholeStage", "false")
        monkeypatch.setitem(SESSION, "spark.sql.codegen.factoryMode", "NO_CODEGEN")


def build_on(lake: Lake, engine: str, *, rebuild: bool = False) -> BuildReport:
    return build(replace(lake, settings=replace(lake.settings, engine=engine)), rebuild=rebuild)


# A build on Spark takes seconds even of nothing, so there are few examples, and none of them is trivial.
SEQUENCES = FILES.filter(lambda files: len(files) > 2 and sum(len(each.rows) for each in files) > 8)


@pytest.mark.property
@settings(
    max_examples=examples(2),
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(SEQUENCES, st.permutations(("spark", "spark", "duckdb", "duckdb")))
def test_any_sequence_of_builds_by_either_engine_equals_the_model(files: list[FileRows], engines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = open_lake(Path(folder), grace=0)
        for step, (arrived, engine) in enumerate(zip(files, engines, strict=False), 1):
            publish(lake, arrived)
            report = build_on(lake, engine)
            if any(each.rows for each in files[:step]):
                model = expected(files[:step])
                assert tables(lake) == model
                assert report.rows == len(model.fact_orders)
            assert not orphans(lake)
        assert build_on(lake, "spark", rebuild=True).kind == "rebuild"
        assert tables(lake) == expected(files)


@pytest.mark.parametrize("engines", beyond(0, [("spark", "duckdb"), ("duckdb", "spark")]), ids="-".join)
def test_late_moved_contested_and_replayed_lines(tmp_path: Path, engines: tuple[str, ...]) -> None:
    lake = open_lake(tmp_path / ODD, grace=0)
    arriving = [
        file("third", "2026-03-03", [line(1, status="delivered"), line(2, client=(2, "Ä")), line(2, 2, price="0.1")]),
        # earlier: line 1 moves, and its partition loses it; one line twice, of which the greater columns win
        file("second", "2026-03-02", [line(1), line(4, volume="0.0001"), line(4, volume="7")]),
        file("later", "2026-03-04", [line(2, status="broken", client=(2, "\uff5e")), line(9, channel="Online")]),
        file("as late", "2026-03-04", [line(2, status="created", client=(2, "\U0001f37a"), ccf=2**31 - 1)]),
        # earlier than all, and no later state: only the first appearance changes, and a partition is emptied
        file("first", "2026-03-01", [line(1, client=(1, "Moses")), line(2, 2), line(2), line(4)]),
        file("nothing new", "2026-03-02 12:00", [line(4, channel="Kiosk")]),
    ]
    seen: list[FileRows] = []
    for each, engine in zip(arriving, cycle(engines), strict=False):
        publish(lake, each)
        seen.append(each)
        assert build_on(lake, engine).kind == ("incremental" if len(seen) > 1 else "rebuild")
        assert tables(lake) == expected(seen)
        assert not orphans(lake)
    assert "2026-03-03" not in current(lake.store).partitions

    seen[0] = replace(seen[0], rows=[line(11)])
    publish(lake, seen[0], revision=1)
    publish(lake, seen.pop(), revision=1, verdict="invalid")
    assert build_on(lake, engines[0]).kind == "rebuild"
    assert tables(lake) == expected(seen)


def test_tables_are_empty_once_every_file_is_gone(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    only = file("only", "2026-03-01", [line(1)])
    publish(lake, only)
    build_on(lake, "duckdb")
    publish(lake, only, revision=1, verdict="invalid")

    assert build_on(lake, "spark").rows == 0
    assert tables(lake) == expected([])


def test_only_what_changes_is_written(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    days = [file(f"day {day}", f"2026-03-0{day}", [line(day), line(10 + day)]) for day in (1, 2, 3)]
    for day in days:
        publish(lake, day)
    build_on(lake, "duckdb")
    before = current(lake.store)
    news = file("news", "2026-03-04", [line(2, status="delivered"), line(4)])
    publish(lake, news)

    report = build_on(lake, "spark")

    assert (report.kind, report.files, report.partitions, report.rows) == ("incremental", 1, 2, 7)
    after = current(lake.store)
    for table in ("dim_status", "dim_channels"):
        assert after.objects(table) == before.objects(table)
    assert {day for day in before.partitions if after.partitions[day] != before.partitions[day]} == {"2026-03-02"}
    assert after.rows == {"2026-03-01": 2, "2026-03-02": 2, "2026-03-03": 2, "2026-03-04": 1}
    assert tables(lake) == expected([*days, news])


def test_objects_have_the_types_of_duckdbs_and_the_order_of_their_keys(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    publish(lake, file("orders", "2026-03-01", [line(n * 7919 % 1009, n % 3 + 1) for n in range(1, 1009)]))
    described = []
    for engine in ("duckdb", "spark"):
        build_on(lake, engine, rebuild=True)
        snapshot = current(lake.store)
        with lake.engine() as (connection, _):
            for table in STAR:
                paths = [str(lake.disk.path(name)) for name in snapshot.objects(table.name)]
                described.append(
                    connection.execute(
                        "select name, type, precision, scale, contains(coalesce(logical_type::varchar, ''), 'UTC=1')"
                        " from parquet_schema($paths) where type is not null",
                        {"paths": paths},
                    ).fetchall()
                )
            keys = connection.execute(
                "select order_id, product_id from read_parquet($paths, file_row_number = true)"
                " order by file_row_number",
                {"paths": paths},
            ).fetchall()
        assert keys == sorted(keys)
        assert len(keys) == 1008
    assert described[: len(STAR)] == described[len(STAR) :]


def test_a_large_partition_has_several_objects(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, grace=0)
    files = [file(f"file {n}", "2026-03-01", [line(10 * n + order) for order in range(9)]) for n in range(4)]
    for each in files:
        publish(lake, each)
    with mock.patch.object(on_spark, "SHUFFLED_BYTES", 1):
        build_on(lake, "spark")
    assert len(current(lake.store).partitions["2026-03-01"]) > 1
    assert current(lake.store).rows == {"2026-03-01": 36}
    assert tables(lake) == expected(files)

    files.append(file("late", "2026-02-28", [line(3), line(13)]))
    publish(lake, files[-1])
    build_on(lake, "duckdb")
    assert len(current(lake.store).partitions["2026-03-01"]) == 1
    assert tables(lake) == expected(files)
    assert not orphans(lake)


@pytest.mark.faults
@pytest.mark.exhaustive
def test_a_build_killed_before_the_switch_leaves_the_old_star(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, grace=0)
    for each in OLD:
        publish(lake, each)
    build_on(lake, "duckdb")
    for each in NEW:
        publish(lake, each)
    # the last partition, after all dimensions; the pointer
    for dies_at in (6, 7):
        store = MortalStore(lake.disk.root, dies_at, after=False)
        before = set(names(lake.store, "processed/star"))
        with pytest.raises(Killed):
            build_on(Lake(lake.settings, store), "spark")
        assert tables(lake) == expected(OLD)
        lost = set(names(lake.store, "processed/star")) - before
        for name in lost:
            lake.store.delete(name)
        assert len(lost) == dies_at - 1
    assert not list(lake.disk.path(layout.SCRATCH).iterdir())
    build_on(lake, "spark")
    assert tables(lake) == expected(OLD + NEW)
    assert not orphans(lake)


@pytest.mark.faults
def test_a_build_that_spark_gives_up_leaves_the_old_star(tmp_path: Path) -> None:
    from pyspark.errors import PySparkException

    lake = open_lake(tmp_path, grace=0)
    for each in OLD:
        publish(lake, each)
    build_on(lake, "duckdb")
    bad = file("bad", "2026-03-05", [line(77)])
    publish(lake, bad)
    [row] = [row for row in lake.ledger.rows() if row.file_id == bad.file_id]
    [path] = [lake.disk.path(name) for name in layout.data_objects(ORDERS.name, row)]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(Exception, match="parquet") as told:
        build_on(lake, "spark")

    assert isinstance(told.value, EngineError)
    assert isinstance(told.value.__cause__, PySparkException) or "Py4J" in type(told.value.__cause__).__name__
    assert tables(lake) == expected(OLD)
    assert not list(lake.disk.path(layout.SCRATCH).iterdir())
    path.write_bytes(whole)
    build_on(lake, "duckdb")
    assert tables(lake) == expected([*OLD, bad])


@pytest.mark.parametrize(("threshold", "engine"), [(100, on_spark), (121, on_duckdb)], ids=["spark", "duckdb"])
def test_the_engine_is_that_for_all_that_is_new(tmp_path: Path, threshold: int, engine: object) -> None:
    lake = open_lake(tmp_path, master="yarn", threshold=threshold)
    for each in OLD:
        publish(lake, each)
    for row in list(lake.ledger.rows()):
        assert lake.ledger.write(replace(row, size=60), lake.ledger.read(row.pa_date, row.file_id)[1])
    with mock.patch.object(engine, "open_builder", side_effect=Killed), pytest.raises(Killed):
        build(lake)


@pytest.mark.parametrize(("ours", "other"), [("spark", "duckdb"), ("duckdb", "pyspark")])
def test_an_engine_needs_not_the_other(ours: str, other: str) -> None:
    modules = ", ".join(f"duff_orders.engines.{ours}.{name}" for name in ("builder", "transform"))
    code = f"import sys; sys.modules[{other!r}] = None; import duff_orders.models.build, {modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
