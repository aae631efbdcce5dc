"""A real browser's tabs, and what every test with one holds: no console message, no request elsewhere."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

#: Names of Chromium: Debian's first.
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
Opened = Callable[..., Any]


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium; the test is skipped where there is none, and in CI fails."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        message = "needs Chromium (Debian, Ubuntu: apt-get install chromium)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


@contextmanager
def tabs(browser: Any) -> Iterator[Opened]:
    """Opens tabs; at the end none has said anything on its console, or asked for anything elsewhere."""
    said: list[str] = []
    asked: list[str] = []
    contexts: list[Any] = []

    def look(page: Any) -> Any:
        page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        page.on("dialog", lambda dialog: said.append(f"{page.url}: a dialog: {dialog.message}"))
        page.on("request", lambda request: asked.append(request.url))
        page.set_default_timeout(200_000)  # a busy machine is no failure
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
    assert not said, said
    ours = ("http://127.0.0.1:", "data:", "blob:http://127.0.0.1:")
    assert all(url.startswith(ours) for url in asked), asked
