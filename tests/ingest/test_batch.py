"""Many small files at once: what goes together, what is left to go alone, and that both ways end in the same."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duff_orders.contract import COLUMN_NAMES, ORDERS, REJECTED_ROWS
from duff_orders.documents import Event, LedgerRow
from duff_orders.errors import CountMismatch
from duff_orders.ingest import batch, canonical
from duff_orders.ingest.batch import process_batch
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, put
from duff_orders.local.check import check
from duff_orders.local.run import process, process_all
from duff_orders.models.build import build
from tests.agreement import assert_agrees
from tests.cases import CASES, data_of
from tests.effort import examples
from tests.hostile import HostileFile, orders_files
from tests.lakes import NOON, drop, open_lake, rows, sql
from tests.oracle import judge

HEADER = ",".join(COLUMN_NAMES)
GOOD = "{0},Moe,{0},1,Duff,2.5,6,0.33,Retail,created"


def lines(*records: str, header: str = HEADER, end: str = "\n") -> bytes:
    return "".join(f"{line}{end}" for line in (header, *records)).encode()


FIRST = lines(GOOD.format(1))
#: Files that may go together, each with others of its kind.
TOGETHER = {
    "plain": lines(GOOD.format(2), GOOD.format(3)),
    "without the last line's end": lines(GOOD.format(4), GOOD.format(5))[:-1],
    "an order line like another file's": lines("9,Apu,1,1,Duff,2.5,6,0.33,Retail,created"),
    "quoted": lines('6,"Moe, Joe",6,1,"Duff",2.5,6,0.33,Retail,created'),
    "lines end as on Windows": lines(GOOD.format(7), GOOD.format(8), end="\r\n"),
    "semicolons and commas": lines("9;Moe;9;1;Düff;2,5;6;0,33;Retail;created", header=HEADER.replace(",", ";")),
    "tabs": lines("10\tMoe\t10\t1\tDuff\t2,5\t6\t0,33\tRetail\tcreated", header=HEADER.replace(",", "\t")),
    "further columns, in another order": lines(
        "Kiosk,x 1,Moe,11,1,Duff,2.5,6,0.33,Retail,created,11",
        header=f"shop,{','.join(('note', *COLUMN_NAMES[1:], COLUMN_NAMES[0]))}",
    ),
    "a byte order mark": b"\xef\xbb\xbf" + lines(GOOD.format(20)),
    "a header that ends otherwise": lines(GOOD.format(23)).replace(b"\n", b"\r\n", 1),
    "a line that names the delimiter": b"\nsep=,\n" + lines(GOOD.format(27)),
    "a name with a wild card [1]*": lines(GOOD.format(12)),
    "a name with 'quotes'": lines(GOOD.format(13)),
}
ALONE = {
    "a reject": lines(GOOD.format(1), "x,Moe,2,1,Duff,2.5,6,0.33,Retail,created"),
    "an order line twice": lines(GOOD.format(14), GOOD.format(14).replace("Moe", "Joe")),
    "a record twice": lines(GOOD.format(15), GOOD.format(15)),
    "no records": lines(),
    "a blank line": lines(GOOD.format(16), "", GOOD.format(17)),
    "a number that is written otherwise": lines(GOOD.format(18).replace("2.5", "+2.5"), GOOD.format(19)),
    "bytes that are no text": lines(GOOD.format(21)).replace(b"Moe", b"M\xf6e"),
    "a record of more than a line": lines(GOOD.format(24).replace("Moe", '"M\noe"')),
    "a header over two lines": lines(GOOD.format(22), header=HEADER.replace("client_name", '"client_name\n"')),
    "no header": b"client_id\n1\n",
    "corrections": lines(GOOD.format(25) + ",", header=f"{HEADER},duff_corrects"),
}
LONG = lines(GOOD.format(26).replace("Moe", "M" * 70_000))


def announced(lake: Lake, files: dict[str, bytes]) -> list[Event]:
    for name, data in files.items():
        drop(lake, f"{name}.csv", data)
    return [announce(lake.disk, f"{name}.csv", when=NOON) for name in files]


def told(row: LedgerRow) -> LedgerRow:
    """A row without what differs between two attempts."""
    return replace(row, started=NOON, finished=NOON, object_digests=None)


def test_both_ways_end_in_the_same(tmp_path: Path) -> None:
    one, other = open_lake(tmp_path / "together"), open_lake(tmp_path / "alone")
    events = announced(one, TOGETHER)
    taken = process_batch(one, events, memory_fraction=1)
    assert [taken[event.file_id].source_file for event in events] == [f"{name}.csv" for name in TOGETHER]
    for event, alone in zip(events, announced(other, TOGETHER), strict=True):
        row = taken[event.file_id]
        assert one.ledger.get(row.pa_date, row.file_id) == row
        expected = process(other, alone)
        assert told(row) == told(expected)
        assert len(row.object_digests or ()) == 1
        assert whole(one, row) == whole(other, expected)
    assert proven(one)


def test_partners_files_go_together_as_each_writes(tmp_path: Path) -> None:
    acme = lines(
        "1;Moe;1;1;Duff;1.234,5;6;0,33;Retail;Listo", header=HEADER.replace(",", ";").replace("status", "Estado")
    )
    files = {
        "acme/one": acme,
        "acme/two": acme.replace(b"1;Moe;1", b"1;Moe;2"),
        "moes/a": lines("1,Moe,3,1,Duff,2.5,6,0.33,Retail", header=HEADER.removesuffix(",status")),
        "plain": FIRST,
        "acme/none": acme.replace(b"Listo", b"created").replace(b"Estado", b"State"),
    }
    profiles = {
        "acme": '[headers]\nstatus = "Estado"\n[numbers]\ndecimal_mark = ","\nthousands_mark = "."\n[values.status]\n'
        'listo = "delivered"\n',
        "moes": '[defaults]\nstatus = "created"\n',
    }
    one, other = open_lake(tmp_path / "together"), open_lake(tmp_path / "alone")
    for lake in (one, other):
        for name, text in profiles.items():
            partners.put(lake.store, name, f'prefix = "{name}/"\n{text}', NOON)
    events = announced(one, files)
    taken = process_batch(one, events, memory_fraction=1)
    assert [row.source_file for row in taken.values()] == [f"{name}.csv" for name in files if name != "acme/none"]
    for event, alone in zip(events, announced(other, files), strict=True):
        expected = process(other, alone)
        if event.file_id in taken:
            row = taken[event.file_id]
            assert told(row) == told(expected)
            assert whole(one, row) == whole(other, expected)
            assert partners.reading(one.store, str(row.reading)).profile == row.profile
    assert {row.source_file: row.profile for row in taken.values()} == {
        "acme/one.csv": "acme",
        "acme/two.csv": "acme",
        "moes/a.csv": "moes",
        "plain.csv": None,
    }
    assert process(one, events[-1]).verdict == "invalid"
    assert proven(one)


def proven(lake: Lake) -> bool:
    build(lake)
    return check(lake).problems == []


def whole(lake: Lake, row: LedgerRow) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The rows of a file with their lineage, and the columns with their types, as they lie in Parquet."""
    path = lake.disk.path(f"processed/orders/pa_date={row.pa_date}/{row.file_id}-0.parquet")
    with sql() as connection:
        source = f"from read_parquet('{path}', hive_partitioning = false)"
        return connection.execute(f"{source} order by all").fetchall(), connection.execute(
            f"describe {source}"
        ).fetchall()


@pytest.mark.parametrize("name", ALONE)
def test_what_is_in_doubt_is_left_to_go_alone(tmp_path: Path, name: str) -> None:
    lake = open_lake(tmp_path)
    events = announced(lake, {"first": FIRST, name: ALONE[name]})
    assert process_batch(lake, events, memory_fraction=1).keys() == {events[0].file_id}
    written = [path.name for path in (tmp_path / "processed/orders").rglob("*.parquet")]
    assert written == [f"{events[0].file_id}-0.parquet"]


def _known(lake: Lake, event: Event) -> None:
    process(lake, event)


def _content_known(lake: Lake, event: Event) -> None:
    drop(lake, "twin.csv", lake.disk.path(f"raw/{event.key}").read_bytes())
    process(lake, announce(lake.disk, "twin.csv", when=NOON))


def _overwritten(lake: Lake, event: Event) -> None:
    drop(lake, event.key, lines(GOOD.format(99)))


def _gone(lake: Lake, event: Event) -> None:
    lake.disk.path(f"raw/{event.key}").unlink()


@pytest.mark.parametrize("what", [_known, _content_known, _overwritten, _gone])
def test_only_new_files_go_together(tmp_path: Path, what: Callable[[Lake, Event], None]) -> None:
    lake = open_lake(tmp_path)
    events = announced(lake, {"first": FIRST, "second": lines(GOOD.format(2))})
    what(lake, events[1])
    assert process_batch(lake, events, memory_fraction=1).keys() == {events[0].file_id}


def test_a_replacement_goes_alone(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    events = announced(lake, {"first": FIRST, "wrong": b"client_id\n1\n"})
    wrong = process(lake, events[1])
    (tmp_path / "instead.csv").write_bytes(lines(GOOD.format(2)))
    event = announce(lake.disk, put(lake.disk, tmp_path / "instead.csv", replaces=wrong.file_id))
    assert process_batch(lake, [events[0], event], memory_fraction=1).keys() == {events[0].file_id}
    assert process(lake, event).corrects == (wrong.file_id,)


def test_long_records_and_large_files_go_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    events = announced(lake, {"first": FIRST, "long": LONG, "second": lines(GOOD.format(2))})
    assert len(process_batch(lake, events, memory_fraction=1)) == 2
    monkeypatch.setattr(batch, "SMALL", 1_000)
    assert batch.in_batches(lake.settings, events) == [[events[0], events[2]]]
    packed = replace(events[0], key="packed.csv.gz")
    assert batch.in_batches(lake.settings, [events[0], packed, replace(events[2], key="notes.txt")]) == []


def test_what_an_engine_that_takes_none_is_to_have_goes_alone(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, engine="spark")
    assert batch.in_batches(lake.settings, announced(lake, {"first": FIRST, "second": lines(GOOD.format(2))})) == []


def test_many_files_are_taken_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    files = {f"{number}": lines(*(GOOD.format(10 * number + each) for each in range(3))) for number in range(1, 12)}
    events = announced(lake, files)
    monkeypatch.setattr(batch, "RECORDS", 7)
    monkeypatch.setattr(batch, "FILES", 4)
    assert list(map(len, batch.in_batches(lake.settings, events))) == [4, 4, 3]
    monkeypatch.setattr(batch, "ALL_BYTES", 3 * events[0].size)
    assert {len(each) for each in batch.in_batches(lake.settings, events)} == {2, 3}
    assert [row.verdict for row in process_all(lake, events)] == ["valid"] * 11
    assert proven(lake)


def test_files_of_one_content_are_taken_in_their_order(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    events = announced(lake, {"a": FIRST, "b": lines(GOOD.format(2)), "c": FIRST, "d": lines(GOOD.format(3))})
    verdicts = [row.verdict for row in process_all(lake, [*events, events[1]])]
    assert verdicts == ["valid", "valid", "duplicate", "valid", "valid"]


@pytest.mark.parametrize("error", [CountMismatch("it read others"), OSError("a disk that fails")])
def test_each_is_tried_alone_where_they_cannot_go_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("duff_orders.engines.duckdb.batch._write", fail)
    lake = open_lake(tmp_path)
    events = announced(lake, TOGETHER)
    assert {row.verdict for row in process_all(lake, events)} == {"valid"}
    assert proven(lake)


def test_records_that_the_engine_did_not_write_are_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    events = announced(lake, {"first": FIRST, "second": lines(GOOD.format(2), GOOD.format(3))})
    monkeypatch.setattr("duff_orders.engines.duckdb.batch.VALUES", f"{', '.join(COLUMN_NAMES)}")
    whole = "duff_orders.engines.duckdb.batch._numbered"
    monkeypatch.setattr(whole, lambda number, file: f"{number},".encode() + file.lines.splitlines(keepends=True)[0])
    with pytest.raises(CountMismatch, match="1 good"):
        process_batch(lake, events, memory_fraction=1)
    assert list(lake.ledger.rows()) == []
    monkeypatch.undo()
    assert [row.rows_published for row in process_all(lake, events)] == [1, 2]


def test_cases_from_outside_are_judged_the_same_beside_others(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    events = announced(lake, {name: data_of(name) for name in CASES} | TOGETHER | {"long": LONG})
    for row in process_all(lake, events):
        name = row.source_file.removesuffix(".csv")
        if name in CASES:
            assert_agrees(row, rows(lake, row, ORDERS.name), rows(lake, row, REJECTED_ROWS.name), judge(data_of(name)))
    assert proven(lake)


@pytest.mark.property
@given(files=st.lists(orders_files(), min_size=1, max_size=4), most=st.sampled_from([canonical._MOST, 0.0]))
@settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_files_are_judged_the_same_beside_others(
    tmp_path_factory: pytest.TempPathFactory, files: list[HostileFile], most: float
) -> None:
    lake = open_lake(tmp_path_factory.mktemp("lake"))
    plain = {file.data: f"{number}.csv" for number, file in enumerate(files) if not file.compressed}
    events = announced(lake, {"first": FIRST, "second": lines(GOOD.format(2))})
    for data, key in plain.items():
        drop(lake, key, data)
        events.append(announce(lake.disk, key, when=NOON))
    outcomes = {row.source_file: row for row in process_all(lake, events)}
    for data, key in plain.items():
        row = outcomes[key]
        if row.verdict != "duplicate":
            assert_agrees(row, rows(lake, row, ORDERS.name), rows(lake, row, REJECTED_ROWS.name), judge(data))
