"""What is deployed to AWS: the functions' bundles, the jobs' library, wheels and scripts, the state machine.

    functions.zip            Validate_csv, TriggerGlueJob: this package and obstore
    api.zip                  Query_Athena: FastAPI and the guard's parser, too; DuckDB writes its Parquet
    transform.zip            Transform-data: DuckDB, too
    duff_orders.zip          the library of the Glue jobs, for --extra-py-files
    NAME.gluewheels.zip      what Glue lacks, for --additional-python-modules
    duff_*.py                the jobs' scripts
    orders-etl.asl.json      the state machine
    *.yaml, release.json     the templates of the stacks, and what the bundles were made for

Wheels are of the versions that are installed here. The same sources and versions give the same bytes.
"""

import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import duff_orders
from duff_orders.aws.parameters import TEMPLATES
from duff_orders.errors import InputError

Architecture = Literal["arm64", "x86_64"]
SCRIPTS = ("duff_transform_glue_job.py", "duff_data_models.py")
STATE_MACHINE = "orders-etl.asl.json"
#: What tells of a release what its bundles were made for.
MANIFEST = "release.json"
WHEELS = "wheels-1.0.0.gluewheels.zip"
#: What each bundle holds beside this package; boto3 is part of the functions' runtime.
BUNDLES = {
    "functions.zip": ("obstore",),
    "transform.zip": ("duckdb", "google-re2", "obstore"),
    "api.zip": (
        *(
            "duckdb",
            "google-re2",
            "obstore",
            "sqlglot",
            "mangum",
            "fastapi",
            "starlette",
            "anyio",
            "idna",
            "opentelemetry-api",
        ),
        *("pydantic", "pydantic-core", "annotated-types", "annotated-doc", "typing-extensions", "typing-inspection"),
    ),
}
#: The most that a function's code may take, unzipped: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LIMIT = 250 * 2**20
_LIBRARY = "duff_orders.zip"
_GLUE_PYTHON = "3.11"
# The oldest time that a zip can tell.
_WHEN = (1980, 1, 1, 0, 0, 0)
# Of wheels: what no function imports.
_UNUSED = ("_duckdb-stubs/", "adbc_driver_duckdb/", "/sboms/")


def package(folder: Path, *, architecture: Architecture = "arm64", python: str = "3.13") -> list[Path]:
    """Write everything that a deployment needs into a folder; returns the paths.

    Raises InputError for an unknown architecture, where a wheel cannot be had, and for a bundle over the limit.
    """
    if architecture not in get_args(Architecture):
        raise InputError(f"architecture is {architecture!r}; allowed are {', '.join(get_args(Architecture))}")
    made = package_jobs(folder)
    with tempfile.TemporaryDirectory() as name:
        for bundle, needed in BUNDLES.items():
            content = Path(name) / bundle
            _install(needed, content, architecture, python)
            files = {**dict(_sources()), **dict(_installed(content))}
            size = sum(len(data) for data in files.values())
            if size > LIMIT:
                raise InputError(f"{bundle} takes {size:,} bytes unzipped; a function may have {LIMIT:,}")
            made.append(_zip(folder / bundle, files))
        wheels = Path(name) / "wheels"
        _pip("download", "--dest", str(wheels), *_platform("x86_64", _GLUE_PYTHON), *_pinned(("obstore",)))
        made.append(_zip(folder / WHEELS, {path.name: path.read_bytes() for path in sorted(wheels.iterdir())}))
    for name in (STATE_MACHINE, *TEMPLATES.values()):
        made.append(Path(shutil.copyfile(templates() / name, folder / name)))
    made.append(folder / MANIFEST)
    manifest = {"version": importlib.metadata.version("duff-orders"), "architecture": architecture, "python": python}
    made[-1].write_text(json.dumps(manifest) + "\n", encoding="utf-8")
    return made


def package_jobs(folder: Path) -> list[Path]:
    """Write the jobs' library and scripts into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    root = Path(duff_orders.__file__).parent
    library = _zip(folder / _LIBRARY, dict(_sources()))
    scripts = [Path(shutil.copyfile(root / "aws" / "glue_jobs" / name, folder / name)) for name in SCRIPTS]
    return [library, *scripts]


def templates() -> Path:
    """The folder of the CloudFormation templates: of the checkout, or as they were installed."""
    root = Path(duff_orders.__file__).parent
    installed = root / "aws" / "cloudformation"
    return installed if installed.is_dir() else root.parents[1] / "cloudformation"


def unzipped(path: Path) -> int:
    """The bytes that a zip takes unzipped."""
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _sources() -> Iterator[tuple[str, bytes]]:
    root = Path(duff_orders.__file__).parent
    for path in sorted(root.rglob("*")):
        if path.suffix in (".py", ".sql", ".toml"):  # not what only `duff serve` shows in a browser
            yield path.relative_to(root.parent).as_posix(), path.read_bytes()


def _installed(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part in name for part in _UNUSED) and "__pycache__" not in name:
            yield name, path.read_bytes()


def _zip(target: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return target


def _install(needed: tuple[str, ...], folder: Path, architecture: Architecture, python: str) -> None:
    _pip("install", "--no-compile", "--target", str(folder), *_platform(architecture, python), *_pinned(needed))


def _pinned(names: tuple[str, ...]) -> list[str]:
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]


def _platform(architecture: Architecture, python: str) -> Iterator[str]:
    """What pip must be told: the functions' Python, and every C library up to that of Amazon Linux 2023 (2.34)."""
    yield from ("--only-binary=:all:", "--no-deps", "--implementation=cp", f"--python-version={python}")
    yield from (f"--abi=cp{python.replace('.', '')}", "--abi=abi3", "--abi=none")
    machine = "aarch64" if architecture == "arm64" else "x86_64"
    yield from (f"--platform=manylinux_2_{minor}_{machine}" for minor in range(34, 16, -1))
    yield f"--platform=manylinux2014_{machine}"


def _pip(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        why = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
        raise InputError(f"the wheels for the bundles cannot be had: {why[0]}")


if __name__ == "__main__":
    for made in package_jobs(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")):
        print(f"{made} {made.stat().st_size:,} bytes")
