"""The serving copy: at every moment it answers as the star schema does, whatever came and went in between."""

import random
import threading
from datetime import date
from pathlib import Path

import duckdb
import pytest

from duff_orders import build_models
from duff_orders.errors import EngineError
from duff_orders.lake.lake import Lake
from duff_orders.lake.snapshot import current
from duff_orders.query import reports, statements
from duff_orders.query.reports import cubes
from duff_orders.query.result import Result
from duff_orders.query.serving import Serving
from duff_orders.query.statements import LineFilter
from tests.models.stars import file, line, open_lake, publish

pytestmark = pytest.mark.slow

OVER_STAR = [name for name in reports.names() if reports.report(name).over == "star"]
RANGES: list[dict[str, reports.Value]] = [
    {},
    {"from": date(2026, 3, 2)},
    {"to": date(2026, 3, 2)},
    {"from": date(2026, 3, 2), "to": date(2026, 3, 3), "limit": 2},
    {"from": date(2030, 1, 1)},
]


def publish_some(lake: Lake, dice: random.Random, number: int) -> None:
    """A file whose lines belong to few orders: these span days, channels and clients."""
    rows = [
        line(
            dice.randrange(1, 60),
            dice.randrange(1, 5),
            client=(dice.randrange(1, 6), dice.choice(["Moe", "Apu", "Ned"])),
            ccf=dice.randrange(1, 9),
            price=f"{dice.randrange(1, 900) / 100:.2f}",
            channel=dice.choice(["Retail", "Kiosk", "Export"]),
            status=dice.choice(["created", "delivered", "broken"]),
        )
        for _ in range(dice.randrange(1, 40))
    ]
    publish(lake, file(str(number), f"2026-03-0{dice.randrange(1, 6)}", rows))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path / "lake")


def without_copy(lake: Lake) -> Serving:
    """Answers from the Parquet objects alone."""
    made = Serving(lake.disk, memory=200_000_000)
    if made._copy is not None:
        made._copy.close()
    made._copy, made._copy_version, made._has_cubes = None, None, False
    return made


def everything(serving: Serving) -> dict[str, Result]:
    found = {}
    for name in OVER_STAR:
        for number, given in enumerate(RANGES):
            found[f"{name} {number}"] = serving.report(reports.report(name), given)
    for sort in statements.SORTS:
        for wanted in (LineFilter(), LineFilter(client_id=2), LineFilter(status="created", channel="Kiosk")):
            by_client = wanted.client_id is not None
            found[f"{sort} {wanted}"] = serving.ask(
                lambda sort=sort, wanted=wanted, by_client=by_client: statements.lines(  # type: ignore[misc]
                    serving.lines(by_client=by_client), wanted, sort, None, 1000
                )
            )
    for order_id in range(1, 60, 7):
        found[f"order {order_id}"] = serving.ask(
            lambda order_id=order_id: statements.order(serving.lines(by_client=False), order_id)  # type: ignore[misc]
        )
    for statement in (statements.products(), statements.channels(), statements.clients(None, None, 50)):
        found[statement[0]] = serving.ask(lambda statement=statement: statement)  # type: ignore[misc]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_after_every_build_the_answers_are_those_of_the_tables(lake: Lake, seed: int) -> None:
    dice = random.Random(seed)
    serving = Serving(lake.disk, memory=200_000_000)
    for number in range(6):
        for each in range(dice.randrange(1, 4)):
            publish_some(lake, dice, 10 * number + each)
        build_models(lake, rebuild=number == 4)
        assert serving.refresh()
        assert not serving.refresh()
        assert serving.version == current(lake.store).build_id
        plain = without_copy(lake)
        ours, theirs = everything(serving), everything(plain)
        plain.close()
        for name in theirs:
            assert ours[name].rows == theirs[name].rows, (number, name)
            assert ours[name].columns == theirs[name].columns, name
            assert ours[name].version == theirs[name].version
    assert theirs["sales_by_channel 0"].rows
    serving.close()


def test_most_reports_have_a_cube() -> None:
    made = {name for name in OVER_STAR if cubes.text(reports.report(name))}
    assert made == set(OVER_STAR) - {"sales_by_client"}


def test_before_the_first_build_there_is_nothing(lake: Lake) -> None:
    serving = Serving(lake.disk, memory=200_000_000)
    assert (serving.refresh(), serving.version, serving.has_copy) == (False, None, False)
    assert all(answer.rows == [] for answer in everything(serving).values())
    serving.close()


def test_it_is_kept_and_taken_up_again(lake: Lake) -> None:
    publish_some(lake, random.Random(1), 1)
    build_models(lake)
    first = Serving(lake.disk, memory=200_000_000)
    first.refresh()
    rows = first.ask(lambda: statements.order(first.lines(by_client=False), 1)).rows
    first.close()
    again = Serving(lake.disk, memory=200_000_000)
    assert (again.has_copy, again.refresh()) == (True, False)
    assert again.ask(lambda: statements.order(again.lines(by_client=False), 1)).rows == rows
    again.close()


def test_an_answer_is_made_anew_where_the_build_changes_meanwhile(lake: Lake) -> None:
    publish(lake, file("1", "2026-03-01", [line(1)]))
    build_models(lake)
    serving = Serving(lake.disk, memory=200_000_000)
    serving.refresh()
    asked = []

    def count() -> statements.Statement:
        asked.append(serving.version)
        if len(asked) == 1:
            publish(lake, file("2", "2026-03-02", [line(2), line(3)]))
            build_models(lake)
            serving.refresh()
        return "select count(*) as n from lines_by_order", []

    found = serving.ask(count)
    assert (found.rows, found.version) == ([[3]], current(lake.store).build_id)
    assert asked == [asked[0], found.version]
    serving.close()


def test_a_copy_whose_cubes_were_never_made_answers_from_its_lines(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_some(lake, random.Random(1), 1)
    build_models(lake)
    first = Serving(lake.disk, memory=200_000_000)

    def ends(cursor: duckdb.DuckDBPyConnection) -> None:
        raise duckdb.IOException("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(cubes, "build", ends)
        with pytest.raises(EngineError):
            first.refresh()
    first.close()
    again, plain = Serving(lake.disk, memory=200_000_000), without_copy(lake)
    expected = plain.report(reports.report("sales_by_channel"), {}).rows
    assert again.has_copy
    assert again.report(reports.report("sales_by_channel"), {}).rows == expected != []
    assert (again.refresh(), again.refresh()) == (True, False)
    assert again.report(reports.report("sales_by_channel"), {}).rows == expected
    plain.close()
    again.close()


@pytest.mark.parametrize("spoil", ["bytes", "folder", "nothing"])
def test_a_file_that_is_none_is_made_anew(lake: Lake, spoil: str) -> None:
    publish_some(lake, random.Random(1), 1)
    build_models(lake)
    path = lake.disk.root / "cache" / "serve.duckdb"
    path.parent.mkdir()
    if spoil == "bytes":
        path.write_bytes(b"spoilt" * 9999)
    elif spoil == "folder":
        path.mkdir()
    else:
        path.touch()
    serving = Serving(lake.disk, memory=200_000_000)
    serving.refresh()
    assert serving.has_copy == (spoil != "folder")
    assert serving.ask(statements.products).rows
    serving.close()


def test_readers_see_one_build_while_it_changes(lake: Lake) -> None:
    """The sum over the lines and that of the report are of one version, however often builds come."""
    dice = random.Random(5)
    publish_some(lake, dice, 0)
    build_models(lake)
    serving = Serving(lake.disk, memory=200_000_000)
    serving.refresh()
    expected: dict[str | None, list[list[object]]] = {}
    seen: list[Result] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(serving.report(reports.report("status_summary"), {}))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 8):
        plain = without_copy(lake)
        expected[plain.version] = plain.report(reports.report("status_summary"), {}).rows
        plain.close()
        publish_some(lake, dice, number)
        build_models(lake)
        serving.refresh()
    stop.set()
    for reader in readers:
        reader.join()
    plain = without_copy(lake)
    expected[plain.version] = plain.report(reports.report("status_summary"), {}).rows
    plain.close()
    serving.close()
    assert len({answer.version for answer in seen}) > 2
    for answer in seen:
        assert answer.rows == expected[answer.version]
