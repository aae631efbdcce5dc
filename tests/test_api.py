"""What users may import: listed, documented, light, and working as the documents show it."""

import inspect
import re
import shutil
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path

import pytest

import duff_orders

ROOT = Path(__file__).parent.parent
HEAVY = {"duckdb", "typer", "rich", "sqlglot", "watchfiles"}


def python(*arguments: str, folder: Path = ROOT) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def public(name: str) -> object:
    """The public name as the package hands it out, whatever modules were imported before."""
    module, _, attribute = duff_orders._WHERE[name].partition(":")
    return getattr(import_module(f"duff_orders.{module}"), attribute or name)


def test_the_list_is_what_can_be_imported() -> None:
    assert list(duff_orders.__all__) == sorted(duff_orders._WHERE)
    program = "from duff_orders import *; print(*sorted(n for n in dir() if n[:2] != '__'))"
    assert python("-c", program).split() == sorted(duff_orders.__all__)
    with pytest.raises(AttributeError, match="module 'duff_orders' has no attribute 'utils'"):
        _ = duff_orders.utils


@pytest.mark.parametrize("name", duff_orders.__all__)
def test_public_names_are_documented(name: str) -> None:
    thing = public(name)
    assert inspect.getdoc(thing)
    assert inspect.isclass(thing) or inspect.isfunction(thing)
    for attribute, value in vars(thing).items():
        if (
            inspect.isclass(thing)
            and not attribute.startswith("_")
            and (callable(value) or isinstance(value, property))
        ):
            assert inspect.getdoc(value), f"{name}.{attribute} has no docstring"


def test_no_module_hides_a_public_name() -> None:
    modules = {path.stem for path in Path(duff_orders.__file__).parent.iterdir()}
    assert modules & set(duff_orders.__all__) == set()


def test_importing_the_package_is_light() -> None:
    loaded = python("-c", "import sys, duff_orders; print(*sys.modules)").split()
    assert HEAVY & {name.partition(".")[0] for name in loaded} == set()
    assert [name for name in loaded if name.startswith("duff_orders.")] == []


def run_example(code: str, folder: Path) -> str:
    """Run an example in a folder that has the brief's orders.csv; what it printed."""
    shutil.copyfile(ROOT / "samples" / "01-orders.csv", folder / "orders.csv")
    (folder / "example.py").write_text(code, encoding="utf-8")
    return python("example.py", folder=folder)


@pytest.mark.slow
def test_the_example_of_the_package(tmp_path: Path) -> None:
    lines = [line for line in (duff_orders.__doc__ or "").splitlines() if line.startswith("    ")]
    *before, last = textwrap.dedent("\n".join(lines)).splitlines()
    question, _, promised = last.partition("  # ")
    code = "\n".join(["from decimal import Decimal", *before, f"print({question} == {promised})"])
    assert run_example(code, tmp_path) == "orders.csv valid 5 0\nTrue\n"


@pytest.mark.slow
def test_the_example_of_the_documents(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    match = re.search(r"```python\n(.*?)```\n.*?```text\n(.*?)```", page, re.DOTALL)
    assert match
    assert run_example(match[1], tmp_path) == match[2]
