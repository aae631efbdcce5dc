"""`duff expected` and `duff partner`: is everything in, and who has promised what."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from duff_orders.clock import utc_now
from duff_orders.contract import COLUMN_NAMES
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from duff_orders.profiles.profile import load
from duff_orders.query.kept import keep
from tests.cli.commands import duff
from tests.lakes import NOON, ingest, open_lake

pytestmark = pytest.mark.slow

ACME = '# how acme writes\nprefix = "acme/"  # theirs\n[headers]\nstatus = "Estado" # "state"\n'
HEADER = ",".join(COLUMN_NAMES)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = open_lake(tmp_path / "lake")
    for name, text in (("acme", ACME), ("moes", 'prefix = "moes/"\n')):
        partners.put(made.store, name, text, NOON)
    return made


def came(lake: Lake, key: str, when: datetime) -> None:
    number = int(when.timestamp())
    line = f"1,Moe,{number},1,Duff,2.50,6,0.33,Retail,created"
    assert ingest(lake, key, f"{HEADER}\n{line}\n".encode(), when).verdict == "valid"


def test_what_was_promised_is_written_into_the_profile_and_nothing_else_changes(lake: Lake) -> None:
    def expect(*words: str) -> tuple[int, str]:
        result = duff("--lake", lake.disk.root, "partner", "expect", "acme", *words)
        return result.code, result.out + result.err

    assert expect("--days", "mon-fri", "--by", "08:00", "--zone", "America/Santiago", "--since", "2026-03-02")[0] == 0
    text = partners.text_of(lake.store, partners.named(partners.partners(lake.store), "acme"))
    assert text.startswith(ACME)
    expected = load(text).expected
    assert expected is not None
    assert (expected.zone, expected.days, str(expected.by)) == (
        "America/Santiago",
        ("mon", "tue", "wed", "thu", "fri"),
        "08:00:00",
    )
    assert (
        expect("--days", "mon,thu-sat", "--by", "20:00", "--zone", "UTC", "--files", "2", "--except", "2026-12-25")[0]
        == 0
    )
    text = partners.text_of(lake.store, partners.named(partners.partners(lake.store), "acme"))
    assert text.count("[expect]") == 1
    assert 'since = "2026-03-02"' in text  # of before
    assert text.startswith(ACME)
    for wrong, why in (
        (("--days", "monday", "--by", "08:00", "--zone", "UTC"), "names no days"),
        (("--days", "fri-mon", "--by", "08:00", "--zone", "UTC"), "names no days"),
        (("--days", "mon", "--by", "8", "--zone", "UTC"), "is no time of the day"),
        (("--days", "mon", "--by", "08:00", "--zone", "Springfield"), "is no time zone"),
        (("--days", "mon", "--by", "08:00", "--zone", "UTC", "--files", "0"), "expect.files"),
    ):
        code, said = expect(*wrong)
        assert code == 2
        assert why in said
    assert partners.text_of(lake.store, partners.named(partners.partners(lake.store), "acme")) == text


def test_it_tells_what_is_in_late_and_missing(lake: Lake) -> None:
    def expected(*words: str) -> tuple[int, str]:
        result = duff("--lake", lake.disk.root, "expected", *words)
        return result.code, result.out

    assert expected() == (0, "nobody has promised anything; `duff partner expect NAME` says who sends when\n")
    days = ("--days", "mon-sun", "--zone", "UTC")
    for name in ("acme", "moes"):
        words = ("partner", "expect", name, *days, "--by", "08:00", "--since", "2026-03-02")
        assert duff("--lake", lake.disk.root, *words).code == 0
    came(lake, "acme/a.csv", datetime(2026, 3, 2, 7, tzinfo=UTC))
    code, told = expected("--date", "2026-03-02")
    assert code == 1
    acme, moes = told.splitlines()[1:]
    assert acme.split()[:2] == ["acme", "2026-03-02"]
    assert "in" in acme.split()
    assert "1 of 1" in acme
    assert "MISSED" in moes
    came(lake, "moes/a.csv", datetime(2026, 3, 2, 9, tzinfo=UTC))
    code, told = expected("--date", "2026-03-02", "--json")
    assert code == 1
    states = {each["name"]: each["slots"][0]["state"] for each in json.loads(told)}
    assert states == {"acme": "on_time", "moes": "late"}
    assert duff("--lake", lake.disk.root, "expected", "--date", "9999-12-31").code == 2
    assert expected("--date", "2026-03-01")[0] == 0  # before the first day nothing is expected


def test_a_suggestion_is_printed_and_not_taken(lake: Lake) -> None:
    def suggest() -> tuple[int, str]:
        result = duff("--lake", lake.disk.root, "partner", "suggest", "acme", "--zone", "UTC")
        return result.code, result.out + result.err

    assert suggest()[0] == 1
    monday = utc_now().replace(hour=6, minute=40, second=0, microsecond=0)
    monday -= timedelta(days=monday.weekday() + 7)
    for week in range(6):
        came(lake, f"acme/{week}.csv", monday - timedelta(weeks=week))
    assert suggest() == (0, "duff partner expect acme --days mon --by 07:00 --zone UTC --grace-minutes 60\n")
    assert load(partners.text_of(lake.store, partners.named(partners.partners(lake.store), "acme"))).expected is None


def test_a_day_is_proven_on_one_sheet(lake: Lake) -> None:
    came(lake, "acme/a.csv", NOON)
    came(lake, "nobody.csv", NOON + timedelta(hours=1))
    day = str(NOON.date())
    told = duff("--lake", lake.disk.root, "proof", "--date", day)
    assert told.code == 0
    assert "acme: acme/a.csv (" in told.out
    assert "–: nobody.csv (" in told.out
    assert "2 read, 2 published" in told.out
    assert "holds: every row adds up, 2 objects have the bytes" in told.out
    facts = json.loads(duff("--lake", lake.disk.root, "proof", "--date", day, "--json").out)
    assert facts["totals"]["rows_published"] == 2
    assert facts["digest"] in told.out
    page = duff("--lake", lake.disk.root, "proof", "--date", day, "--html").out
    assert page.startswith("<!doctype html>")
    assert "check holds" in page
    assert "href=" not in page  # it needs no server
    (name, *_) = [each.name for each in lake.store.listed("processed/orders/")]
    path = lake.disk.path(name)
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    broken = duff("--lake", lake.disk.root, "proof", "--date", day)
    assert broken.code == 1
    assert f"does not hold: acme/a.csv: the object {name}" in broken.out or "does not hold: nobody.csv" in broken.out


def test_a_question_that_the_lake_keeps_is_a_report(lake: Lake) -> None:
    came(lake, "acme/a.csv", NOON)
    keep(lake.store, "lines_by_file", "Lines by file", "select source_file, rows_read from tbl_duff_files")
    told = duff("--lake", lake.disk.root, "query", "--report", "lines_by_file", "--format", "csv")
    assert (told.code, told.out.splitlines()) == (0, ["source_file,rows_read", "acme/a.csv,1"])
    wrong = duff("--lake", lake.disk.root, "query", "--report", "nothing")
    assert wrong.code != 0
    assert "lines_by_file" in wrong.err
