"""A real browser over a real server, and what every test holds: no console message, no request elsewhere."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.lakes import SAMPLES
from tests.api.test_serve import serving
from tests.lakes import open_lake

#: Names of Chromium: Debian's first.
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        message = "needs Chromium (Debian, Ubuntu: apt-get install chromium)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


Opened = Callable[..., Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    """Opens tabs; at the end none has said anything on its console, or asked for anything elsewhere."""
    said: list[str] = []
    asked: list[str] = []
    contexts: list[Any] = []

    def look(page: Any) -> Any:
        page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        page.on("dialog", lambda dialog: said.append(f"{page.url}: a dialog: {dialog.message}"))
        page.on("request", lambda request: asked.append(request.url))
        page.set_default_timeout(20_000)
        return page

    def open_tab(*, of: Any = None, **options: Any) -> Any:
        context = of or browser.new_context(**{"locale": "en-GB", **options})
        if of is None:
            contexts.append(context)
        return look(context.new_page())

    open_tab.said = said  # type: ignore[attr-defined]
    yield open_tab
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:http://127.0.0.1:"))] == []


@contextmanager
def served(folder: Path, *options: str, **environment: str) -> Iterator[str]:
    """The address of `duff serve` over a lake, with queries."""
    with serving(folder / "lake", "--queries", *options, **environment) as (address, _, _):
        yield address


@pytest.fixture(scope="session")
def samples_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The samples, processed, served."""
    from duff_orders import build_models
    from duff_orders.local.run import run

    folder = tmp_path_factory.mktemp("browser")
    lake = open_lake(folder / "lake")
    list(run(lake, sorted(SAMPLES.glob("*.csv"))))
    build_models(lake)
    with served(folder) as address:
        yield address
