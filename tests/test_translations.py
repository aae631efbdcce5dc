"""Each Spanish page says what its English one does: the same sections, commands, tables, links and pictures."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)

PAIRS = [(ROOT / "README.md", ROOT / "README.es.md")]
PAIRS += [(ROOT / "docs" / page.name, page) for page in sorted((ROOT / "docs" / "es").glob("*.md"))]


@pytest.fixture(params=PAIRS, ids=lambda pair: pair[0].stem)
def pair(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A page and its translation."""
    both: tuple[Path, Path] = request.param
    return both


@pytest.fixture
def texts(pair: tuple[Path, Path]) -> tuple[str, str]:
    """Their texts."""
    english, spanish = (page.read_text(encoding="utf-8") for page in pair)
    return english, spanish


def outside(text: str) -> str:
    """The text without its blocks of code."""
    return _BLOCK.sub("", text)


def test_the_same_sections(texts: tuple[str, str]) -> None:
    english, spanish = (
        [line.partition(" ")[0] for line in re.findall(r"^#+ .*", outside(text), re.M)] for text in texts
    )
    assert english == spanish


def test_the_same_commands_and_what_they_print(texts: tuple[str, str]) -> None:
    english, spanish = (_BLOCK.findall(text) for text in texts)
    assert english == spanish


def test_the_same_commands_settings_and_places_in_tables(texts: tuple[str, str]) -> None:
    english, spanish = (
        [
            (line.count(" | "), re.findall(r"`[^`]*`", line))
            for line in outside(text).splitlines()
            if line.startswith("| `")
        ]
        for text in texts
    )
    for told, said in zip(english, spanish, strict=True):
        assert told[0] == said[0]
        assert set(told[1]) == set(said[1])


def test_the_same_options_are_named_in_each_paragraph(texts: tuple[str, str]) -> None:
    english, spanish = (
        [sorted(set(re.findall(r"`(?:--|DUFF_|duff )[^`]*`", part))) for part in outside(text).split("\n\n")]
        for text in texts
    )
    assert english == spanish


def test_the_same_links_and_pictures(pair: tuple[Path, Path], texts: tuple[str, str]) -> None:
    english, spanish = (
        [
            re.sub(r"(-es|[.]es)?([.]\w+)$", r"\2", (page.parent / target).resolve().relative_to(ROOT).as_posix())
            for target in re.findall(r"\]\(([^)#]+)[^)]*\)", outside(text))
        ]
        for page, text in zip(pair, texts, strict=True)
    )
    of_english_alone = {"docs/screenshots/upload.png"}
    assert {*english} - of_english_alone == {target.replace("docs/es/", "docs/") for target in spanish}
