"""The style sheet, computed: every text on every ground it stands on, and each state told apart without its hue."""

import re
from itertools import combinations
from pathlib import Path

import pytest

import duff_orders.console

STYLE = (Path(duff_orders.console.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", STYLE)
}
GROUNDS = ("back", "card", "soft")
#: Every pair of a text and a ground that some rule of the sheet puts under it.
PAIRS = [
    *((text, ground) for text in ("text", "mute") for ground in (*GROUNDS, "link-soft", "warn-soft", "bad-soft")),
    *(("link", ground) for ground in (*GROUNDS, "link-soft")),
    *((name, ground) for name in ("good", "warn", "bad") for ground in ("back", "card")),
    *((name, "link-soft") for name in ("good", "bad", "warn")),
    *((name, f"{name}-soft") for name in ("good", "warn", "bad")),
    *(("on", ground) for ground in ("link", "bad")),
]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of `#rrggbb`."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read_on_every_ground(scheme: int) -> None:
    for text, ground in PAIRS:
        found = contrast(TOKENS[text][scheme], TOKENS[ground][scheme])
        assert found >= 4.5, (text, ground, round(found, 2))
    lowest = min(contrast(TOKENS[text][scheme], TOKENS[ground][scheme]) for text, ground in PAIRS)
    assert lowest >= (5.0, 6.0)[scheme]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_borders_of_controls_can_be_seen(scheme: int) -> None:
    for ground in GROUNDS:
        assert contrast(TOKENS["edge"][scheme], TOKENS[ground][scheme]) >= 3


def test_no_rule_has_a_colour_of_its_own() -> None:
    rules = STYLE[STYLE.index("* { box-sizing") :]
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", rules)) <= {"#ffffff"}  # paper
    assert not re.search(r"\brgb\((?!0 0 0 / )", rules)
    for name in re.findall(r"var\(--([a-z-]+)\)", STYLE):
        assert f"--{name}:" in STYLE, name


def test_every_state_is_told_apart_in_grey() -> None:
    """By its sign and word together; those of one sign differ in their words or in the weight of their fill."""
    parts = (Path(duff_orders.console.__file__).parent / "templates" / "parts.html").read_text(encoding="utf-8")
    found = re.search(r"set signs = \{(.*?)\}", parts)
    assert found is not None
    signs = dict(re.findall(r'"(\w+)": "(.)"', found[1]))
    fill = dict.fromkeys(signs, "none")
    fill |= dict.fromkeys(("rows", "fewer", "more", "rejects"), "tinted")
    fill |= dict.fromkeys(("invalid", "failed", "missed"), "tinted with an edge")
    fill |= {"missing": "solid", "due": "dashed"}
    for one, other in combinations(signs, 2):
        same = signs[one] == signs[other] and fill[one] == fill[other]
        assert not same or {one, other} in ({"more", "rejects"}, {"invalid", "failed"}), (one, other)
    for scheme in (0, 1):  # the solid one is told from the tinted by its lightness alone
        solid, tinted = luminance(TOKENS["bad"][scheme]), luminance(TOKENS["bad-soft"][scheme])
        assert (max(solid, tinted) + 0.05) / (min(solid, tinted) + 0.05) >= 3
    for word in ("invalid", "failed", "missed"):
        assert f".calendar a.{word}" in STYLE


def test_nothing_that_is_read_is_smaller_than_twelve_pixels() -> None:
    for size in re.findall(r"font(?:-size)?:[^;]*?([\d.]+)rem", STYLE):
        assert float(size) * 16 >= 12, size
