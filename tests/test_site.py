"""The documentation site, as `make site` builds it: no link leads nowhere, nothing is loaded from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import duff_orders

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the site is made from."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    (folder / "src").symlink_to(ROOT / "src")
    return folder


@pytest.fixture(scope="module")
def site(checkout: Path) -> Path:
    """The folder of the built site."""
    done = build(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout / "build" / "site"


def test_every_page_is_in_the_navigation() -> None:
    def pages(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            yield from pages([*entry.values()])
        elif isinstance(entry, list):
            for each in entry:
                yield from pages(each)

    nav = [*pages(tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"])]
    there = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(nav) == sorted(there)


def test_a_link_that_leads_nowhere_fails_the_build(checkout: Path, tmp_path: Path) -> None:
    for words in ("[a page](nowhere.md)", "[a heading](lake.md#nowhere)"):
        broken = tmp_path / words[3]
        shutil.copytree(checkout / "docs", broken / "docs")
        shutil.copy(checkout / "zensical.toml", broken)
        (broken / "src").symlink_to(ROOT / "src")
        with (broken / "docs" / "limits.md").open("a", encoding="utf-8") as page:
            page.write(f"\n{words}\n")
        assert build(broken).returncode != 0, words


def test_the_reference_tells_every_public_name(site: Path) -> None:
    text = (site / "reference.html").read_text(encoding="utf-8")
    for name in duff_orders.__all__:
        assert f'id="duff_orders.{name}"' in text, name


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="?([^\s">]+)', text)
        loaded += [
            target
            for link in re.findall(r"<link\b[^>]*>", text)
            if 'rel="canonical"' not in link
            for target in re.findall(r'href="?([^\s">]+)', link)
        ]
        assert loaded
        assert not [target for target in loaded if re.match(r"(https?:)?//", target)], page.name
