"""Correcting in place: judged by the rules that judge files, undone and made again, published with who and what."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import LedgerRow
from duff_orders.errors import InputError
from duff_orders.lake import layout, partners
from duff_orders.lake.corrections import published
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import announce, land
from duff_orders.local.check import check
from duff_orders.local.correcting.draft import MOST_STEPS, Desk, Taken
from duff_orders.local.correcting.publishing import Published, publish
from duff_orders.local.correcting.rows import changes_of
from duff_orders.local.correcting.whole import StillInvalid
from duff_orders.local.run import process
from duff_orders.models.build import build
from duff_orders.query.rejects import lines, standings
from tests.lakes import ingest, open_lake

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = ",".join((*COLUMN_NAMES, "remark"))
DIRTY = f"""{HEADER}
C-1,Moe,1,101,Duff,2.50,1,0.33,Retail,created,hello
2,Moe,2,101,Duff,2.50,1,0.33,Retail,created,
C-1,Moe,3,101,"Duff, ""dry""
keg",2.50,x,0.33,Retail,created,
4,Moe,4,101,Duff,2.50,1,0.33,Retail created,
5,"Moe"x,5,101,Duff,2.50,1,0.33,Retail,created,
"""
#: The lines on which its rejected rows begin.
FIRST, TWO, SHORT, QUOTES = 2, 4, 6, 7


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path)


@pytest.fixture
def row(lake: Lake) -> LedgerRow:
    made = ingest(lake, "acme/orders.csv", DIRTY.encode(), NOON)
    assert (made.rows_read, made.rows_rejected, made.verdict) == (5, 4, "invalid")
    return made


@pytest.fixture
def open_file(lake: Lake) -> LedgerRow:
    good = "".join(f"9,Moe,{number},101,Duff,2.50,1,0.33,Retail,created,\n" for number in range(90, 99))
    made = ingest(lake, "acme/orders.csv", (DIRTY + good).encode(), NOON)
    assert (made.rows_rejected, made.verdict) == (4, "valid_with_rejects")
    return made


def desk(lake: Lake, row: LedgerRow, by: str | None = "ana") -> Desk:
    return Desk(lake, row, standings(lake), by)


def states(lake: Lake, row: LedgerRow) -> dict[int, str]:
    return {each.line: each.state for each in desk(lake, row).rows()}


def publishes(lake: Lake, row: LedgerRow, by: str | None = "ana") -> tuple[Published, list[LedgerRow]]:
    def put(path: Path, prefix: str, replaces: str | None) -> str:
        return land(lake.disk, path, prefix=prefix, replaces=replaces)

    done = publish(desk(lake, row, by), lambda: lines(lake, row), put)
    made = [process(lake, announce(lake.disk, done.key))] if done.key else []
    return done, made


def test_each_cell_is_judged_as_the_file_would_be(lake: Lake, open_file: LedgerRow) -> None:
    at = desk(lake, open_file)
    assert at.form.columns == [*COLUMN_NAMES]
    first = at.rows()[0]
    assert (first.line, first.still_wrong, first.state) == (FIRST, {"client_id": "not_an_integer"}, "wrong")
    at.change([(FIRST, "client_id", "-5")])
    assert at.rows()[0].still_wrong == {"client_id": "negative"}
    at.change([(FIRST, "client_id", " 1001 ")])  # blanks around it do no harm
    assert states(lake, open_file)[FIRST] == "right"
    at.change([(TWO, "product_ccf", "7"), (TWO, "client_id", "8")])
    assert states(lake, open_file)[TWO] == "right"
    at.change([(FIRST, "product_price", "2.5O")])  # a cell that nothing was wrong with
    assert at.rows()[0].still_wrong == {"product_price": "not_a_number"}
    at.change([(SHORT, "record", "4,Moe,4,101,Duff,2.50,1,0.33,Retail,created")])
    assert {each.line: each.still_wrong for each in at.rows()}[SHORT] == {"row": "wrong_field_count"}
    at.change([(SHORT, "record", "4,Moe,4,101,Duff,2.50,1,0.33,Retail,created,")])
    at.change([(QUOTES, "record", '5,"Moe x,5,101,Duff,2.50,1,0.33,Retail,created,')])  # a quote that never closes
    assert states(lake, open_file) == {FIRST: "wrong", TWO: "right", SHORT: "right", QUOTES: "wrong"}


def test_steps_are_undone_and_made_again(lake: Lake, open_file: LedgerRow) -> None:
    at = desk(lake, open_file)
    at.change([(FIRST, "client_id", "1")])
    at.change([(TWO, "client_id", "2"), (TWO, "product_ccf", "3")])
    at.give_up([SHORT], "nobody knows")
    before = states(lake, open_file)
    assert before == {FIRST: "right", TWO: "right", SHORT: "given_up", QUOTES: "wrong"}
    for state in (
        before | {SHORT: "wrong"},
        before | {SHORT: "wrong", TWO: "wrong"},
        dict.fromkeys(before, "wrong"),
        dict.fromkeys(before, "wrong"),
    ):
        at.undo()
        assert states(lake, open_file) == state
    for _ in range(4):
        at.redo()
    assert states(lake, open_file) == before
    at.undo()
    at.change([(FIRST, "client_id", "4")])  # what was undone is gone
    at.redo()
    assert states(lake, open_file)[SHORT] == "wrong"
    at.change([(FIRST, "client_id", "C-1")])  # as it came: no change any more
    assert {each.line for each in changes_of(at.draft())} == {TWO}


def test_what_is_right_is_published_with_who_and_what_and_the_rest_stays(lake: Lake, open_file: LedgerRow) -> None:
    at = desk(lake, open_file)
    at.change([(FIRST, "client_id", "1"), (FIRST, "product_price", "2.75")])
    at.change([(TWO, "client_id", "8")])  # units are wrong still
    at.change([(SHORT, "record", "4,Moe,4,101,Duff,2.50,1,0.33,Retail,created,")])
    at.give_up([QUOTES], "gone")
    done, made = publishes(lake, open_file)
    assert (done.rows, done.given_up) == (2, 1)
    assert done.key
    assert done.key.startswith("acme/orders-corrected-")
    (row,) = made
    assert (row.verdict, row.rows_published) == ("valid", 2)
    assert row.corrects == (f"{open_file.file_id}:{FIRST},{SHORT}",)
    standing = standings(lake).of(open_file)
    assert (standing.open, standing.corrected, standing.given_up) == (1, 2, 1)
    assert states(lake, open_file) == {TWO: "wrong"}
    (two,) = desk(lake, open_file).rows()
    assert two.text("client_id") == "8"  # the draft of it is kept
    (told,) = published(lake.store, open_file.file_id)
    assert (told.key, told.by) == (done.key, "ana")
    assert {(each.line, each.column, each.before, each.after) for each in told.changes} == {
        (FIRST, "client_id", "C-1", "1"),
        (FIRST, "product_price", "2.50", "2.75"),
        (
            SHORT,
            "record",
            "4,Moe,4,101,Duff,2.50,1,0.33,Retail created,",
            "4,Moe,4,101,Duff,2.50,1,0.33,Retail,created,",
        ),
    }
    build(lake)
    assert check(lake, deep=True).problems == []
    assert publishes(lake, open_file) == (Published(None, 0, 0), [])


def test_a_crash_before_it_landed_is_made_good_by_publishing_again(lake: Lake, open_file: LedgerRow) -> None:
    at = desk(lake, open_file)
    at.change([(FIRST, "client_id", "1")])

    def fails(path: Path, prefix: str, replaces: str | None) -> str:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        publish(desk(lake, open_file), lambda: [], fails)
    assert states(lake, open_file)[FIRST] == "right"
    done, _ = publishes(lake, open_file)
    assert done.rows == 1
    assert len(published(lake.store, open_file.file_id)) == 1


def test_one_is_at_it_and_the_other_may_read_or_take_over(lake: Lake, open_file: LedgerRow) -> None:
    ana, lisa = desk(lake, open_file), desk(lake, open_file, "lisa")
    ana.change([(FIRST, "client_id", "1")])
    for act in (
        lambda: lisa.change([(TWO, "client_id", "2")]),
        lisa.undo,
        lambda: lisa.give_up([TWO], "x"),
        lambda: publish(lisa, lambda: [], lambda path, prefix, replaces: ""),
    ):
        with pytest.raises(Taken, match="ana is correcting this file since"):
            act()
    assert states(lake, open_file)[FIRST] == "right"  # it can be read
    lisa.take_over()
    lisa.change([(TWO, "client_id", "2")])
    with pytest.raises(Taken, match="lisa"):
        ana.change([(FIRST, "client_id", "3")])
    draft = lisa.draft()
    assert draft is not None
    assert [step.by for step in draft.steps] == ["ana", "lisa"]


def test_cells_that_are_sent_at_once_are_all_kept(lake: Lake, open_file: LedgerRow) -> None:
    cells = [(FIRST, "client_id", "1"), (TWO, "client_id", "2"), (TWO, "product_ccf", "3"), (FIRST, "status", "broken")]
    threads = [threading.Thread(target=desk(lake, open_file).change, args=([cell],)) for cell in cells]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(each.line, each.column, each.after) for each in changes_of(desk(lake, open_file).draft())} == {*cells}
    assert {line: state for line, state in states(lake, open_file).items() if line in (FIRST, TWO)} == {
        FIRST: "right",
        TWO: "right",
    }


def test_a_long_history_of_steps_stays_short(lake: Lake, open_file: LedgerRow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duff_orders.local.correcting.draft.MOST_STEPS", 6)
    at = desk(lake, open_file)
    for number in range(20):
        at.change([(FIRST, "client_id", str(number + 1)), (TWO, "product_ccf", str(number + 1))])
    draft = at.draft()
    assert draft is not None
    assert len(draft.steps) <= 6 < MOST_STEPS
    assert {(each.before, each.after) for each in changes_of(draft)} == {("C-1", "20"), ("x", "20")}


@pytest.mark.parametrize(
    ("line", "column", "text", "told"),
    [
        (3, "client_id", "1", "line 3: no row that begins there is open"),
        (FIRST, "record", "1", "'record' is no cell of it; allowed are client_id"),
        (FIRST, "remark", "1", "'remark' is no cell of it"),
        (SHORT, "client_id", "1", "allowed are record"),
        (FIRST, "client_id", "x" * 20_001, "20,001 characters; allowed are 20,000"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    lake: Lake, open_file: LedgerRow, line: int, column: str, text: str, told: str
) -> None:
    at = desk(lake, open_file)
    with pytest.raises(InputError, match=told):
        at.change([(line, column, text)])
    assert at.draft() is None


def test_a_file_of_a_partner_is_corrected_as_that_partner_writes(lake: Lake) -> None:
    profile = (
        'prefix = "acme/"\n[file]\ndelimiter = ";"\n[numbers]\ndecimal_mark = ","\nthousands_mark = "."\n'
        '[headers]\nproduct_price = "Precio"\n[values.status]\nentregado = "delivered"\n'
    )
    partners.put(lake.store, "acme", profile, NOON)
    header = ";".join(COLUMN_NAMES).replace("product_price", "Precio")
    good = "".join(f"1;Moe;{number};101;Duff;1.234,50;1;0,33;Retail;entregado\n" for number in range(1, 4))
    text = f"{header}\nx;Moe;9;101;Duff;1.234,50;1;0,33;Retail;entregado\n{good}"
    row = ingest(lake, "acme/a.csv", text.encode(), NOON)
    assert row.rows_rejected == 1
    at = desk(lake, row)
    at.change([(2, "product_price", "1.999,25")])
    assert at.rows()[0].still_wrong == {"client_id": "not_an_integer"}
    at.change([(2, "client_id", "5")])
    assert at.rows()[0].state == "right"
    _, (made,) = publishes(lake, row)
    assert (made.verdict, made.rows_published, made.profile) == ("valid", 1, "acme")
    assert made.source_file.startswith("acme/")


def test_a_file_that_is_gone_says_so(lake: Lake, open_file: LedgerRow) -> None:
    lake.disk.path(f"{layout.RAW}/{open_file.source_file}").unlink()
    with pytest.raises(InputError, match=r"acme/orders.csv: its header cannot be read again"):
        desk(lake, open_file).change([(FIRST, "client_id", "1")])


def test_an_invalid_file_comes_again_as_a_whole_with_its_rows_corrected(lake: Lake, row: LedgerRow) -> None:
    at = desk(lake, row)
    at.change([(QUOTES, "record", "x")])  # as wrong as before
    assert publishes(lake, row) == (Published(None, 0, 0), [])
    at.change([(FIRST, "client_id", "1")])
    with pytest.raises(StillInvalid, match="3 of 5 records rejected"):
        publishes(lake, row)
    assert states(lake, row)[FIRST] == "right"  # nothing of the draft is lost
    at.change([(TWO, "client_id", "3"), (TWO, "product_ccf", "7")])
    done, (made,) = publishes(lake, row)
    assert done.rows == 2
    assert (made.verdict, made.rows_read, made.rows_published, made.replaces) == (
        "valid_with_rejects",
        5,
        3,
        row.file_id,
    )
    text = lake.disk.path(f"{layout.RAW}/{made.source_file}").read_text()
    assert text == DIRTY.replace("C-1,Moe,1", "1,Moe,1").replace("C-1,Moe,3", "3,Moe,3").replace("2.50,x,", "2.50,7,")
    assert standings(lake).of(row).whole == "corrected"
    assert states(lake, made) == {SHORT: "wrong", QUOTES: "wrong"}
    build(lake)
    assert check(lake, deep=True).problems == []


def test_bytes_that_are_no_text_stay_what_they_are(lake: Lake) -> None:
    lines = ["x,Mo\u00e9\u00e9,1,101,Duff,2.50,1,0.33,Retail,created", "y,Moe,2,101,Duff,2.50,1,0.33,Retail,created"]
    text = (
        "\n".join((",".join(COLUMN_NAMES), *lines, "")).encode() + b"3,Mo\xff,3,101,Duff,2.50,1,0.33,Retail,created\n"
    )
    row = ingest(lake, "acme/bytes.csv", text, NOON)
    assert (row.verdict, row.encoding, row.rows_rejected) == ("invalid", "utf-8", 3)
    desk(lake, row).change([(2, "client_id", "1"), (3, "client_id", "2")])
    _, (made,) = publishes(lake, row)
    assert lake.disk.path(f"{layout.RAW}/{made.source_file}").read_bytes() == text.replace(b"x,Mo", b"1,Mo").replace(
        b"y,Moe", b"2,Moe"
    )
