"""The tests' own house: what keeps the suite green with one worker or many, in whatever order its groups come."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
MODULES = sorted(TESTS.rglob("*.py"))


def fixtures(path: Path) -> Iterator[tuple[str, str]]:
    """The fixtures that a module defines: their names and their scopes."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if ast.unparse(decorator).startswith("pytest.fixture"):
                keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
                told = {each.arg: each.value.value for each in keywords if isinstance(each.value, ast.Constant)}
                yield str(told.get("name", node.name)), str(told.get("scope", "function"))


FIXTURES = {path: dict(fixtures(path)) for path in MODULES}


def test_no_fixture_is_imported() -> None:
    """A fixture that is imported is another one of its own: a second browser or context cannot start in a process."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
                source = TESTS.parent.joinpath(*str(node.module).split(".")).with_suffix(".py")
                found = {each.name for each in node.names} & set(FIXTURES.get(source, ()))
                assert not found, (
                    f"{path}: {found} of {source}; put it into the conftest.py of a folder that holds both"
                )


def test_what_lives_as_long_as_the_process_has_one_name() -> None:
    defined = defaultdict(set)
    for path, found in FIXTURES.items():
        for name, scope in found.items():
            if scope == "session":
                defined[name].add(path.parent)
    twice = {
        name: folders
        for name, folders in defined.items()
        if any(one != other and one.is_relative_to(other) for one in folders for other in folders)
    }
    assert twice == {}
