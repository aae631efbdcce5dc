"""README.es.md says what README.md says: the same sections, commands, settings, tables, links and pictures."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def texts() -> tuple[str, str]:
    english, spanish = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.es.md"))
    return english, spanish


def outside(text: str) -> str:
    """The text without its blocks of code."""
    return _BLOCK.sub("", text)


def test_the_same_sections() -> None:
    english, spanish = (
        [line.partition(" ")[0] for line in re.findall(r"^#+ .*", outside(text), re.M)] for text in texts()
    )
    assert english == spanish


def test_the_same_commands_and_what_they_print() -> None:
    english, spanish = (_BLOCK.findall(text) for text in texts())
    assert english == spanish


def test_the_same_commands_settings_and_places_in_tables() -> None:
    english, spanish = (
        [
            (line.count(" | "), re.findall(r"`[^`]*`", line))
            for line in outside(text).splitlines()
            if line.startswith("| `")
        ]
        for text in texts()
    )
    for told, said in zip(english, spanish, strict=True):
        assert told[0] == said[0]
        assert set(told[1]) == set(said[1])


def test_the_same_options_are_named_in_each_paragraph() -> None:
    english, spanish = (
        [sorted(set(re.findall(r"`(?:--|DUFF_|duff )[^`]*`", part))) for part in outside(text).split("\n\n")]
        for text in texts()
    )
    assert english == spanish


def test_links_and_pictures_lead_somewhere() -> None:
    targets = []
    for text in texts():
        found = re.findall(r"\]\(([^)#]+)\)", outside(text))
        for target in found:
            assert (ROOT / target).exists(), target
        plain = {re.sub(r"(-es)?\.png$", ".png", target) for target in found}
        targets.append(plain - {"README.md", "README.es.md", "docs/screenshots/upload.png"})
        headings = {
            re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.*)", text, re.M)
        }
        for anchor in re.findall(r"\]\(#([^)]+)\)", text):
            assert anchor in headings
    assert targets[0] == targets[1]
