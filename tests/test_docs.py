"""The documents say what is. `python -m tests.test_docs` writes anew what is made from the code.

That is docs/cli.md from the help of the commands, docs/settings.md, the tree in docs/architecture.md, what
`duff cost` prints in docs/cost.md, and the tables in the templates from the contract.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from typer import rich_utils
from typer.main import get_command
from typer.testing import CliRunner

from duff_orders.cli.main import app
from duff_orders.settings import Settings
from tests.test_house import BELOW, GROUND

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SETTINGS = ROOT / "docs" / "settings.md"
CLI = ROOT / "docs" / "cli.md"
DOCUMENTS = sorted(
    path for folder in (".", "docs", "docs/es", "samples", "benchmarks") for path in (ROOT / folder).glob("*.md")
)
COST = ROOT / "docs" / "cost.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "src" / "duff_orders"
OF_FUNCTIONS = "<!-- made from the tables of functions by `make docs` -->\n"
SQL = ROOT / "docs" / "sql.md"
MARK = "<!-- made from the docstrings of the modules by `make docs` -->\n```\n"
COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
#: The commands of each group of commands.
GROUPED = {
    str(group.name): [str(command.name) for command in group.typer_instance.registered_commands]
    for group in app.registered_groups
    if group.typer_instance
}


def help_of(*command: str) -> str:
    """What `duff COMMAND --help` prints on a terminal of 100 columns without colours."""
    with patch.object(rich_utils, "MAX_WIDTH", 100), patch.object(rich_utils, "FORCE_TERMINAL", False):
        text = CliRunner().invoke(app, [*command, "--help"], prog_name="duff").output
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()).strip("\n")


def cli_page() -> str:
    """docs/cli.md as it must be."""
    parts = [
        "# The command line",
        "What `duff --help` and `duff COMMAND --help` print. This page is written by `python -m tests.test_docs`.",
        f"```text\n{help_of()}\n```",
    ]
    for command in COMMANDS:
        parts += [f"## `duff {command}`", f"```text\n{help_of(command)}\n```"]
    for group, commands in GROUPED.items():
        parts += [f"## `duff {group}`", f"```text\n{help_of(group)}\n```"]
        for command in commands:
            parts += [f"### `duff {group} {command}`", f"```text\n{help_of(group, command)}\n```"]
    return "\n\n".join(parts) + "\n"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_cli_page_is_the_help_of_the_commands() -> None:
    assert read(CLI) == cli_page(), "run `python -m tests.test_docs`"


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPED])
def test_the_page_of_commands_names_every_one(command: str) -> None:
    assert f"| `duff {command}" in read(ROOT / "docs" / "commands.md")


def test_the_readme_is_short() -> None:
    assert len(read(README).splitlines()) <= 130


def settings() -> str:
    """The table of the settings."""
    lines = ["| setting | option | variable | default | what it is |", "|---|---|---|---|---|"]
    for name, option in Settings.options().items():
        flag = f"`--{name.replace('_', '-')}`" if option.on_command_line else "–"
        lines.append(f"| `{name}` | {flag} | `DUFF_{name.upper()}` | `{option.default}` | {option.about} |")
    return "\n".join(lines)


def settings_page() -> str:
    """docs/settings.md as it must be: the settings of today."""
    start, heading, _ = read(SETTINGS).partition("| setting | option |")
    assert heading
    return start + settings() + "\n"


def test_the_page_of_settings_has_every_one_with_option_variable_and_default() -> None:
    assert read(SETTINGS) == settings_page(), "run `make docs`"


def test_the_command_line_has_the_options_that_it_is_said_to_have() -> None:
    found: set[str] = set()
    commands = [*get_command(app).commands.values()]  # type: ignore[attr-defined] # a group has commands
    for command in commands:
        found |= {name for parameter in command.params for name in parameter.opts}
        commands += getattr(command, "commands", {}).values()
    for name, option in Settings.options().items():
        assert (f"--{name.replace('_', '-')}" in found) == option.on_command_line, name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), f"{path.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", read(there), re.MULTILINE)
            anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in anchors, f"{path.name} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=[path.name for path in DOCUMENTS])
def test_tests_that_a_document_names_exist(path: Path) -> None:
    for name in re.findall(r"`(tests/[\w/]+\.py)`", read(path)):
        assert (ROOT / name).is_file(), name


def test_the_editor_breaks_lines_where_the_linter_does() -> None:
    length = re.search(r"^line-length = (\d+)$", read(ROOT / "pyproject.toml"), re.MULTILINE)
    assert length
    assert f"max_line_length = {length[1]}\n" in read(ROOT / ".editorconfig")


def house() -> str:
    """The tree of the package, each folder and module with the first sentence of its docstring."""
    ground = sorted(name for name in GROUND if (PACKAGE / name).is_dir())
    lines = [line for floor in (*reversed(BELOW), *ground) for line in _tree(PACKAGE / floor, "")]
    return "\n".join(lines + [_leaf(path, "") for path in sorted(PACKAGE.glob("[!_]*.py"))])


def _tree(folder: Path, indent: str) -> Iterator[str]:
    yield _leaf(folder / "__init__.py", indent)
    for path in sorted(folder.glob("[!_]*")):
        if path.suffix == ".py":
            yield _leaf(path, f"{indent}  ")
        elif (path / "__init__.py").exists():
            yield from _tree(path, f"{indent}  ")


def _leaf(path: Path, indent: str) -> str:
    name = f"{path.parent.name}/" if path.stem == "__init__" else path.name
    said = (ast.get_docstring(ast.parse(read(path))) or "").split("\n\n")[0]
    assert said, f"{path.relative_to(PACKAGE)} does not say what it is for"
    return f"{indent}{name}".ljust(32) + " ".join(said.split())


def architecture() -> str:
    """The page with the tree of today."""
    start, _, rest = read(ARCHITECTURE).partition(MARK)
    return f"{start}{MARK}{house()}\n```{rest.partition('```')[2]}"


def test_architecture_shows_the_house_as_it_is() -> None:
    assert read(ARCHITECTURE) == architecture(), "run `make docs`"


def test_limits_and_decisions_give_the_limits_of_the_code() -> None:
    from duff_orders.ingest.scan import MAX_RECORD
    from duff_orders.local.watch import BATCH
    from duff_orders.query.guard.parse import MAX_COLUMNS, MAX_DEPTH, MAX_TOKENS
    from duff_orders.query.guard.pieces import MAX_LENGTH, MAX_SEQUENCE

    decisions, architecture = read(ROOT / "docs" / "decisions.md"), read(ROOT / "docs" / "architecture.md")
    assert f"longer than {MAX_RECORD // 2**20} MiB" in read(ROOT / "docs" / "limits.md")
    assert f"longer than {MAX_RECORD // 2**20} MiB" in decisions
    assert f"{MAX_TOKENS:,} words, {MAX_DEPTH} levels and {MAX_COLUMNS:,} columns" in decisions
    for limit in (f"{MAX_SEQUENCE:,} values", f"{MAX_LENGTH:,} letters"):
        assert limit in decisions
    assert f"every {BATCH:.0f} seconds" in architecture


def test_modules_that_a_module_names_exist() -> None:
    """What stands as `folder.module`, `module.name` or "see `module`" in the text of a module is there."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = read(path)
        told = re.findall(r"`(?:duff_orders\.)?([a-z_]+(?:\.\w+)+)(?:\(\))?`", text)
        for name in told + re.findall(r"\b[Ss]ee `(\w+)`", text):
            first, *rest = name.split(".")
            if rest[-1:] in (["csv"], ["py"], ["toml"]):
                continue
            starts = [place for folder in (PACKAGE, path.parent) if (place := _module(folder / first))]
            if not starts and (rest or re.search(rf"\b(def|class) {first}\b|^{first}\b", text, re.MULTILINE)):
                continue  # it begins with none of our modules: a file, a value, a name of this module's own
            assert any(_is_there(start, rest) for start in starts), f"{path.relative_to(PACKAGE)} names `{name}`"


def _module(place: Path) -> Path | None:
    """The file of a module, or the folder of a package."""
    found = place.with_suffix(".py")
    return found if found.is_file() else place if (place / "__init__.py").is_file() else None


def _is_there(place: Path, names: list[str]) -> bool:
    """Whether a module has a name, or a package a module (and that the rest)."""
    if not names:
        return True
    inside = _module(place / names[0]) if place.is_dir() else None
    return (
        _is_there(inside, names[1:])
        if inside
        else place.is_file() and re.search(rf"\b{names[0]}\b", read(place)) is not None
    )


def costs() -> str:
    """docs/cost.md as it must be: what `duff cost` prints stands in it."""
    start, fence, rest = read(COST).partition("$ duff cost\n")
    assert fence
    return start + fence + CliRunner().invoke(app, ["cost"]).output + "```" + rest.partition("```")[2]


def test_the_page_of_costs_is_what_the_command_prints() -> None:
    assert read(COST) == costs(), "run `make docs`"


def sql_page() -> str:
    """docs/sql.md as it must be: every function of Athena's reference, by kind."""
    from duff_orders.query.guard.calls import CALLABLE
    from duff_orders.query.guard.signatures import names
    from duff_orders.query.guard.tables import FUNCTIONS, TABLES
    from duff_orders.query.guard.tables.instead import ESTIMATED, GROUPS

    start, mark, _ = read(SQL).partition(OF_FUNCTIONS)
    parts, told = [start + mark], set[str]()
    for table in TABLES:
        callable = sorted(names(table.TABLE) & {*CALLABLE})
        title = re.split("[.:,]", table.__doc__ or "")[0]
        parts += [f"\n## {title}: the same as Athena\n\n| function | takes |\n|---|---|"]
        for name in (each for each in callable if each not in told):
            others = sorted(alias for alias, of in FUNCTIONS.aliases.items() if of == name)
            every = [str(each) for each in FUNCTIONS.by_name[name]]
            smaller = re.compile(r"\b(tinyint|smallint|integer)\b")  # what takes a bigint takes these, too
            forms = "`, `".join(e for e in every if not smaller.search(e) or smaller.sub("bigint", e) not in every)
            note = f"; {ESTIMATED[name]}" if name in ESTIMATED else ""
            parts += [f"| {', '.join(f'`{each}`' for each in (name, *others))} | `{forms}`{note} |"]
            told |= {name, *others}
    more = ", ".join(f"`{name}`" for name in CALLABLE if name not in told)
    parts += [f"\n## With rules of their own: the same as Athena\n\n{more}."]
    parts += ["\n## Not on offer\n\n| functions | instead |\n|---|---|"]
    parts += [f"| {', '.join(f'`{name}`' for name in names.split())} | {advice} |" for advice, names in GROUPS.items()]
    return "\n".join(parts) + "\n"


def test_the_page_of_sql_has_every_function() -> None:
    assert read(SQL) == sql_page(), "run `make docs`"


def test_no_function_is_offered_and_refused() -> None:
    from duff_orders.query.guard.calls import CALLABLE
    from duff_orders.query.guard.tables.instead import ESTIMATED, INSTEAD

    assert not INSTEAD.keys() & {*CALLABLE}
    assert ESTIMATED.keys() <= {*CALLABLE}


def template(text: str) -> str:
    """A template with what the contract says of its tables: their columns and what they are."""
    from duff_orders.contract import TABLES

    start, *tables = re.split(r"(?<=TableInput:\n)", text)
    for number, part in enumerate(tables):
        table = TABLES[re.findall(r"Name: (\w+)", part)[0]]
        columns = "".join(
            f'            - {{Name: {field.name}, Type: "{field.type}", Comment: "{field.comment}"}}\n'
            for field in table.fields
        )
        described = re.sub('Description: "[^"]*"', f'Description: "{table.comment}"', part, count=1)
        tables[number] = re.sub(r"(Columns:\n)( +- \{Name: .*\n)+", rf"\g<1>{columns}", described, count=1)
    return "".join((start, *tables))


def templates() -> list[Path]:
    """The templates that describe tables."""
    return [path for path in sorted((ROOT / "cloudformation").glob("*.yaml")) if "TableInput:" in read(path)]


@pytest.mark.parametrize("path", templates(), ids=[path.name for path in templates()])
def test_the_tables_of_the_templates_are_the_contracts(path: Path) -> None:
    assert read(path) == template(read(path)), "run `make docs`"


if __name__ == "__main__":
    for path in templates():
        path.write_text(template(read(path)), encoding="utf-8")
    SQL.write_text(sql_page(), encoding="utf-8")
    COST.write_text(costs(), encoding="utf-8")
    CLI.write_text(cli_page(), encoding="utf-8")
    SETTINGS.write_text(settings_page(), encoding="utf-8")
    ARCHITECTURE.write_text(architecture(), encoding="utf-8")
