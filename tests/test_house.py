"""The house: which floor may use which, no circles, and heavy packages only where they are needed."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src"
PACKAGE = ROOT / "duff_orders"
GROUND = {
    "clock",
    "contract",
    "documents",
    "errors",
    "printable",
    "profiles",
    "progress",
    "reasons",
    "registry",
    "room",
    "settings",
}
#: What a floor may use beside itself and the ground.
BELOW = {
    "drivers": set(),
    "lake": {"drivers"},
    "ingest": {"drivers", "lake"},
    "models": {"drivers", "lake"},
    "engines": {"drivers", "lake", "ingest", "models"},
    "query": {"drivers", "lake"},
    "partners": {"lake"},
    "generator": {"drivers"},
    "local": {"drivers", "lake", "ingest", "models", "query"},
    "api": {"drivers", "lake", "partners", "query", "local"},
    "console": {"drivers", "lake", "partners", "query", "local", "api"},
    "aws": {"drivers", "lake", "partners", "ingest", "models", "engines", "query", "local", "api"},
    "cli": {"drivers", "lake", "partners", "ingest", "models", "query", "generator", "local", "aws", "api", "console"},
}
#: Who may import what is heavy, or is not there without an extra.
HEAVY = {
    "pyspark": {"drivers.spark", "engines.spark.transform", "engines.spark.records", "engines.spark.builder"},
    "boto3": {
        "lake.stores.raw_bucket",
        "lake.stores.s3",
        "aws.deploy",
        "aws.parameters",
        "aws.release",
        "aws.replays",
        "aws.remote",
        "aws.smoke",
        "aws.stacks",
        "aws.status",
        "aws.arrivals",
        "aws.builds",
        "aws.handlers",
        "aws.preflight",
        "aws.pages",
        "aws.query_athena",
        "aws.glue_jobs.duff_data_models",
        "lake.glue_catalog",
    },
    "obstore": {"lake.stores.objects", "lake.stores.s3"},
    "duckdb": {
        "drivers.duckdb",
        "engines.duckdb.batch",
        "engines.duckdb.long_records",
        "engines.duckdb.transform",
        "engines.duckdb.typed",
        "lake.engines",
        "local.accounted",
        "local.check",
        "local.reread",
        "engines.duckdb.builder",
        "query.duckdb",
        "query.reports.cubes",
        "query.formats",
        "query.serving",
        "query.worker",
        "lake.lake",
        "lake.relation",
        "lake.tables",
        "models.invariants",
        "generator.orders",
    },
}
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if path.parent != PACKAGE or not path.name.startswith("__")
}


@cache
def imports(path: Path, *, for_types: bool) -> frozenset[str]:
    """The modules that a module imports, anywhere in it; those for types alone only where they are asked for."""
    return frozenset(_imports(path, for_types=for_types))


def _imports(path: Path, *, for_types: bool) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in guarded and not for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{each.name}" for each in node.names]
            is_package = node.module.startswith("duff_orders")
            yield from (
                name if is_package and name.removeprefix("duff_orders.") in MODULES else node.module for name in names
            )


def ours(module: str, *, for_types: bool = True) -> set[str]:
    """What a module imports of this package."""
    found = {name for name in imports(MODULES[module], for_types=for_types) if name.startswith("duff_orders")}
    return {name.removeprefix("duff_orders").removeprefix(".") for name in found} - {"", module}


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_down(module: str) -> None:
    floor = module.split(".", maxsplit=1)[0]
    allowed = GROUND if floor in GROUND else GROUND | {floor} | BELOW[floor]
    for name in ours(module):
        assert name.split(".")[0] in allowed, f"{module} imports {name}"


def test_no_circles() -> None:
    TopologicalSorter({module: ours(module) for module in MODULES}).prepare()


@pytest.mark.parametrize("package", HEAVY)
def test_heavy_packages_are_imported_where_they_are_needed(package: str) -> None:
    users = {
        module
        for module, path in MODULES.items()
        if any(name.split(".")[0] == package for name in imports(path, for_types=True))
    }
    assert users == HEAVY[package]
