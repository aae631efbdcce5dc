"""Two languages with the same things to say."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

import duff_orders.console
from duff_orders.console.languages.english import EN
from duff_orders.console.languages.spanish import ES
from duff_orders.console.texts import TEXTS, Words, chosen
from duff_orders.contract import COLUMN_NAMES
from duff_orders.documents import Verdict

FOLDER = Path(duff_orders.console.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_have_the_same_keys_and_places() -> None:
    assert EN.keys() == ES.keys()
    assert list(EN) == list(ES)
    for key in EN:
        assert places(EN[key]) == places(ES[key]), key


def test_what_is_said_is_said_in_spanish() -> None:
    same = {key for key in EN if EN[key] == ES[key]}
    without_words = {key for key in same if not re.search("[A-Za-z]", re.sub(r"\{[^}]*\}", "", EN[key]))}
    assert same - without_words == {"api", "sql", "total", "now_utc", "age_seconds", "age_minutes", "age_hours"}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_words_of_its_own(template: Path) -> None:
    text = re.sub(
        r"\{[{%#].*?[}%#]\}|<code>duff .*?</code>", " ", template.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    words = re.findall(r"[A-Za-zñáéíóú]{3,}", re.sub(r"<[^>]*>", " ", text))
    assert set(words) <= {"CSV", "JSON", "Parquet", "UTC", "csv", "duff", "orders", "reports"}


def test_templates_name_texts_that_there_are() -> None:
    for template in TEMPLATES:
        text = template.read_text(encoding="utf-8")
        for key, whole in re.findall(r"""\bt(?:[.]many)?\("([^"]+)"( ~)?""", text):
            assert key in EN if not whole else any(each.startswith(key) for each in EN), (template.name, key)


@pytest.mark.parametrize("language", TEXTS)
def test_every_verdict_reason_and_column_has_its_words(language: str) -> None:
    t = Words(language)  # type: ignore[arg-type]
    for verdict in get_args(Verdict):
        assert t.verdict(verdict)
        assert t(f"said_{verdict}", name="x", published=1, rejected=2, reason="y")
    rules = (Path(duff_orders.__file__).parent / "ingest" / "rules.py").read_text()
    for code in {
        *re.findall(r"'(not_a\w+|out_of_range|too_\w+|missing|negative|unknown)'", rules),
        "wrong_field_count",
    }:
        assert t.reason(code) != t("reason_other"), code
    for column in (*COLUMN_NAMES, "record"):
        assert "{" not in t.allowed(column)


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        (None, None, "en"),
        (None, "es-CL,es;q=0.9,en;q=0.8", "es"),
        (None, "fr, es;q=0.5", "es"),
        ("en", "es", "en"),
        ("es", "en", "es"),
        ("xx", "es", "es"),
        (None, "*", "en"),
    ],
)
def test_the_language_is_the_reader_s(cookie: str | None, accept: str | None, language: str) -> None:
    assert chosen(cookie, accept) == language


def test_numbers_and_ages_are_written_as_the_reader_does() -> None:
    en, es = Words("en"), Words("es")
    assert (en.number(1234567), es.number(1234567)) == ("1,234,567", "1.234.567")
    assert (en.number("-1234.5000"), es.number("-1234.5000")) == ("-1,234.5000", "-1.234,5000")
    assert [en.money(each) for each in ("0", "1234.5000", "0.0333", "-7")] == ["0.00", "1,234.50", "0.0333", "-7.00"]
    assert [en.size(each) for each in (0, 999, 1000, 1_234_567, 5 * 10**12)] == [
        "0 B",
        "999 B",
        "1 KB",
        "1 MB",
        "5,000 GB",
    ]
    assert [en.percent(*each) for each in ((1, 3), (0, 0), (5, 5))] == ["33 %", "–", "100 %"]
    moment = "2026-03-01T23:30:00.000000Z"
    assert (en.moment(moment), es.moment(moment)) == ("1 Mar 2026 23:30 UTC", "01-03-2026 23:30 UTC")
    now = datetime(2026, 3, 1, tzinfo=UTC)
    ages = [en.age(now - timedelta(seconds=each), now) for each in (-5, 0, 89, 90, 5400, 86_400, 200_000)]
    assert ages == ["0 s", "0 s", "89 s", "1 min", "1 h", "24 h", "2 days"]
