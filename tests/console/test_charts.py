"""Charts of nothing, of one, of many; drawn, or without what draws; and what stands in them as text."""

import re
import sys
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from duff_orders.console import charts
from duff_orders.console.charts import BARS, LISTED, Figure
from duff_orders.console.texts import Words

pytestmark = pytest.mark.slow

EN, ES = Words("en"), Words("es")


def days(number: int) -> list[charts.Row]:
    first = date(2026, 1, 1)
    return [
        {"pa_date": (first + timedelta(days=each)).isoformat(), "sales": f"{each}.2500", "orders": each}
        for each in range(number)
    ]


def texts(figure: Figure) -> list[str]:
    """What the picture writes; it must be XML."""
    root = ElementTree.fromstring(f"<div>{figure.svg}</div>")
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("number", [0, 1, BARS, BARS + 1, 400])
@pytest.mark.parametrize("t", [EN, ES], ids=lambda t: t.language)
def test_days(t: Words, number: int) -> None:
    figure = charts.by_day(t, days(number), "all", "/csv")
    assert len(figure.rows) == min(number, LISTED)
    assert len(figure.svg) < 90_000
    assert "style=" not in figure.svg
    if number == 0:
        assert figure.svg == ""
    else:
        assert t.day(days(number)[-1]["pa_date"]) in figure.title
        assert any(re.search(r"Jan 2026" if t is EN else r"-01-2026", each) for each in texts(figure))


def test_the_answer_is_in_the_title_and_exact() -> None:
    rows = [
        {"pa_date": "2026-01-01", "sales": "12345678901234567890.0001", "orders": 1},
        {"pa_date": "2026-01-02", "sales": "0.0002", "orders": 1},
    ]
    title = charts.by_day(EN, rows, "all", "/csv").title
    assert "12,345,678,901,234,567,890.0003 was sold" in title
    assert "1 Jan 2026: 12,345,678,901,234,567,890.0001" in title


def test_states_are_told_by_colour_and_sign_and_word() -> None:
    rows = [
        {"status": "created", "orders": 1, "order_lines": 1, "sales": "1.0000"},
        {"status": "delivered", "orders": 2, "order_lines": 3, "sales": "2.0000"},
    ]
    figure = charts.by_status(ES, rows, "all", "/csv")
    assert figure.title == "En todos los días el 75 % de 4 líneas de pedido está entregado"
    assert texts(figure) == ["○ creado 25 %", "✓ entregado 75 %"]
    assert {"var(--same)", "var(--good)"} <= set(re.findall(r'fill="([^"]*)"', figure.svg))
    assert charts.by_status(EN, [], "all", "/csv").svg == ""


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", '"><img src=x>', "&amp; 'q'", "\u202eab", "x" * 4096, ""],
    ids=["script", "image", "entity", "right-to-left", "long", "nothing"],
)
def test_a_name_is_text_and_nothing_else(name: str) -> None:
    figure = charts.ranked(EN, "channel", [{"n": name, "sales": "10.0000", "units": 3}], "n", "all", "/csv")
    shown = name if len(name) <= charts.NAME else name[: charts.NAME - 1] + "…"
    assert texts(figure) == [shown or "–", "10.00"]
    assert not {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(figure.svg).iter()} - {
        "svg", "g", "path", "text", "line", "rect", "defs", "clipPath",
    }  # fmt: skip


def test_numbers_are_written_as_the_reader_does() -> None:
    rows = [{"n": "Retail", "sales": "1234.5000", "units": 3}]
    assert "1.234,50" in texts(charts.ranked(ES, "channel", rows, "n", "all", "/csv"))
    large = [{"pa_date": "2026-01-01", "sales": "20000.0000", "orders": 1}]
    assert "20.000" in texts(charts.by_day(ES, large, "all", "/csv"))


def test_without_the_extra_there_are_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    charts._drawn.cache_clear()
    figure = charts.by_day(EN, days(3), "all", "/csv")
    charts._drawn.cache_clear()
    assert (figure.svg, len(figure.rows)) == ("", 3)
