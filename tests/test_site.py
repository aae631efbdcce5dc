"""The documentation site, as `make site` builds it: no link leads nowhere, nothing is loaded from elsewhere."""

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
        capture_output=True,
        text=True,
        check=False,
    )


def copied(folder: Path) -> Path:
    """A folder with what the site is made from."""
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    (folder / "src").symlink_to(ROOT / "src")
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the site is made from."""
    return copied(tmp_path_factory.mktemp("site"))


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


@pytest.mark.parametrize("target", ["nowhere.md", "lake.md#nowhere"])
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, target: str) -> None:
    folder = copied(tmp_path)
    with (folder / "docs" / "limits.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[a link]({target})\n")
    done = build(folder)
    assert done.returncode != 0
    assert f"[a link]({target})" in re.sub(r"\x1b\[[\d;]*m", "", done.stderr)  # the terminal's colours


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
