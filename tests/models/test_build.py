"""The star schema, built step by step, against a build from nothing and the plain model."""

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duff_orders.contract import STAR
from duff_orders.engines.duckdb import builder as on_duckdb
from duff_orders.lake.snapshot import current
from duff_orders.lake.stores.base import names
from duff_orders.lake.tables import create_views
from duff_orders.models.build import build
from tests.effort import examples
from tests.models.stars import expected, file, line, open_lake, orphans, publish, read, tables
from tests.oracle import FileRows, Place, Published

# U+FF5E is before U+1F37A by UTF-8 bytes, and after it by UTF-16.
NAMES = ("Moe", "moe", "Zoë", "\uff5e", "\U0001f37a")
PRICES = (Decimal(0), Decimal("2.5"), Decimal("99999999.9999"))


@st.composite
def records(draw: st.DrawFn) -> Published:
    price, ccf = draw(st.sampled_from(PRICES)), draw(st.sampled_from((1, 2, 2**31 - 1)))
    return Published(
        client_id=draw(st.integers(1, 2)),
        client_name=draw(st.sampled_from(NAMES)),
        order_id=draw(st.sampled_from((1, 2, 3 * 10**17))),
        product_id=draw(st.integers(1, 2)),
        product_description=draw(st.sampled_from(NAMES)),
        product_price=price,
        product_ccf=ccf,
        product_volume=draw(st.sampled_from((Decimal("0.0001"), Decimal(5)))),
        point_of_sale_channel=draw(st.sampled_from(("Retail", "B2B", "Café"))),
        status=draw(st.sampled_from(("created", "delivered", "broken"))),
        total_price=price * ccf,
    )


# Few moments, so that files come late, on one day, and at the very same time.
TIMES = st.builds(
    lambda day, moment: datetime(2026, 2, 27) + timedelta(days=day) + moment,
    st.integers(0, 3),
    st.sampled_from((timedelta(0), timedelta(hours=12), timedelta(days=1, microseconds=-1))),
)


@st.composite
def sequences(draw: st.DrawFn) -> list[FileRows]:
    """Files as they come, of which some rows correct those of others, and some files replace one."""
    ids = draw(st.lists(st.text("0123456789abcdef", min_size=32, max_size=32), min_size=1, max_size=4, unique=True))
    times: list[datetime] = [draw(TIMES) for _ in ids]
    files = []
    for file_id, time in zip(ids, times, strict=True):
        rows = draw(st.lists(records(), max_size=6, unique=True))
        others: list[tuple[str, datetime]] = [
            (id_, when) for id_, when in zip(ids, times, strict=True) if id_ != file_id
        ]
        places: list[Place | None] = []
        with_ties: bool = draw(st.booleans())
        if others and with_ties:
            whole = draw(st.integers(0, 3)) == 0
            replaced = Place(*draw(st.sampled_from(others)))
            for _ in rows:
                id_, when = draw(st.sampled_from(others))
                corrected = Place(f"{id_}:{draw(st.integers(2, 4))}", when)
                places.append(replaced if whole else corrected if draw(st.integers(0, 2)) else None)
        files.append(FileRows(file_id, time, rows, places, draw(st.sampled_from((None, None, "01", "02")))))
    return files


FILES = sequences()

pytestmark = pytest.mark.slow


@pytest.mark.property
@settings(max_examples=examples(60), deadline=None)
@given(FILES, st.sampled_from([1, 3, on_duckdb.LINES_AT_ONCE]))
def test_any_sequence_of_builds_equals_a_build_from_nothing(files: list[FileRows], at_once: int) -> None:
    slices = mock.patch.object(on_duckdb, "LINES_AT_ONCE", at_once)
    with slices, tempfile.TemporaryDirectory() as folder:
        lake = open_lake(Path(folder), grace=0)
        for step, arrived in enumerate(files, 1):
            publish(lake, arrived)
            report = build(lake)
            if any(each.rows for each in files[:step]):
                model = expected(files[:step])
                assert tables(lake) == model
                assert report.rows == len(model.fact_orders)
            assert not orphans(lake)
        kept = tables(lake)
        assert build(lake).kind == "unchanged"
        assert build(lake, rebuild=True).kind == "rebuild"
        assert not any(each.rows for each in files) or tables(lake) == kept == expected(files)


def test_an_empty_lake_has_empty_tables(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    publish(lake, file("header only", "2026-03-01", []))

    report = build(lake)

    assert (report.build_id, report.kind, report.rows) == (None, "unchanged", 0)
    assert not any(current(lake.store).objects(table.name) for table in STAR)
    found = tables(lake)
    assert not any((found.dim_clients, found.dim_products, found.dim_status, found.dim_channels, found.fact_orders))


def test_only_what_changes_is_written(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    days = [file(f"day {day}", f"2026-03-0{day}", [line(day), line(10 + day)]) for day in (1, 2, 3)]
    for day in days:
        publish(lake, day)
    assert build(lake).kind == "rebuild"
    before = current(lake.store)

    news = file("news", "2026-03-04", [line(2, status="delivered"), line(4)])
    publish(lake, news)
    report = build(lake)

    assert (report.kind, report.files, report.partitions, report.rows) == ("incremental", 1, 2, 7)
    after = current(lake.store)
    for table in ("dim_status", "dim_channels"):
        assert after.objects(table) == before.objects(table)
    assert {day for day in before.partitions if after.partitions[day] != before.partitions[day]} == {"2026-03-02"}
    assert tables(lake) == expected([*days, news])


def test_two_builds_keep_their_distance_where_it_is_asked_for(tmp_path: Path) -> None:
    """Looked at where nobody else builds: two that began at once had both seen that it was time for one."""
    lake = open_lake(tmp_path)
    publish(lake, file("a", "2026-03-01", [line(1)]))
    assert build(lake, apart=timedelta(hours=1)).files == 1
    publish(lake, file("b", "2026-03-02", [line(2)]))
    report = build(lake, apart=timedelta(hours=1))
    assert (report.kind, report.build_id, report.rows) == ("too_soon", None, 1)
    assert build(lake, apart=timedelta(0)).files == 1


def test_a_late_file_that_changes_no_line_writes_no_partition(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    files = [
        file("first", "2026-03-01", [line(1)]),
        file("third", "2026-03-03", [line(1, status="delivered", client=(1, "Moe's"))]),
    ]
    for each in files:
        publish(lake, each)
    build(lake)

    files.append(file("second", "2026-03-02", [line(1, status="broken", channel="B2B", client=(1, "Moses"))]))
    publish(lake, files[-1])

    assert build(lake).partitions == 0
    assert tables(lake) == expected(files)


def test_a_late_file_moves_a_line_and_an_emptied_partition_goes(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    files = [file("second", "2026-03-02", [line(1, status="delivered")])]
    publish(lake, files[0])
    build(lake)

    files.append(file("first", "2026-03-01", [line(1)]))
    publish(lake, files[1])

    assert build(lake).partitions == 2
    assert current(lake.store).rows == {"2026-03-01": 1}
    assert tables(lake) == expected(files)


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_files_of_one_moment_the_greater_file_id_is_the_later(tmp_path: Path, turn: int) -> None:
    lake = open_lake(tmp_path)
    files = [
        FileRows("0" * 32, datetime(2026, 3, 1), [line(1, client=(1, "Moe"), status="broken"), line(2)]),
        FileRows("f" * 32, datetime(2026, 3, 1), [line(1, client=(1, "Barney"), channel="B2B")]),
    ]
    for each in files[::turn]:
        publish(lake, each)
        build(lake)
    assert tables(lake) == expected(files)


@pytest.mark.parametrize("verdict", ["valid", "invalid"])
def test_a_replayed_file_is_taken_out_again(tmp_path: Path, verdict: str) -> None:
    lake = open_lake(tmp_path)
    stays = file("stays", "2026-03-01", [line(1), line(2)])
    goes = file("goes", "2026-03-02", [line(2, status="broken", channel="Online"), line(3)])
    publish(lake, stays)
    publish(lake, goes)
    build(lake)

    if verdict == "valid":
        instead = replace(goes, rows=[line(4)])
        publish(lake, instead, revision=1)
        files = [stays, instead]
    else:
        publish(lake, goes, revision=1, verdict="invalid")
        files = [stays]

    assert build(lake).kind == "rebuild"
    assert tables(lake) == expected(files)
    assert build(lake).kind == "unchanged"


def test_tables_are_empty_once_every_file_is_gone(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    only = file("only", "2026-03-01", [line(1)])
    publish(lake, only)
    build(lake)
    publish(lake, only, revision=1, verdict="invalid")

    assert build(lake).rows == 0
    assert tables(lake) == expected([])


def test_rows_lie_in_the_order_of_their_keys(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, threads=2)
    publish(lake, file("orders", "2026-03-01", [line(n * 7919 % 1009, n % 3 + 1) for n in range(1, 1009)]))
    build(lake)
    with lake.engine() as (connection, _):
        [name] = current(lake.store).partitions["2026-03-01"]
        path = lake.disk.path(name)
        keys = connection.execute(
            f"select order_id, product_id from read_parquet('{path}', file_row_number = true) order by file_row_number"
        ).fetchall()
    assert keys == sorted(keys)
    assert len(keys) == 1008


def test_a_reader_keeps_its_state_for_the_grace_period(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, grace=3600)
    files = [file("one", "2026-03-01", [line(1)]), file("two", "2026-03-02", [line(1, status="broken"), line(2)])]
    publish(lake, files[0])
    build(lake)
    with lake.engine() as (connection, _):
        create_views(lake, connection, [table.name for table in STAR])
        publish(lake, files[1])
        build(lake)
        build(lake, rebuild=True)
        assert read(connection) == expected(files[:1])
    assert tables(lake) == expected(files)

    # the next build finds the grace period over
    build(open_lake(tmp_path, grace=0), rebuild=True)
    build(open_lake(tmp_path, grace=0))
    assert (
        set(names(lake.store, "processed/star")) == {"processed/star/current.json"} | current(lake.store).all_objects()
    )
