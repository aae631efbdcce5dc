"""What AWS is given: the package as one zip for a Glue job's `--extra-py-files`, beside its scripts.

    python -m duff_orders.aws.package DIST

Standard library and PySpark are all that the jobs import. The same sources give the same bytes.
"""

import shutil
import sys
import zipfile
from pathlib import Path

import duff_orders

SCRIPTS = ("duff_transform_glue_job.py", "duff_data_models.py")
_LIBRARY = "duff_orders.zip"
# The oldest time that a zip can tell.
_WHEN = (1980, 1, 1, 0, 0, 0)


def package_jobs(folder: Path) -> list[Path]:
    """Write the library's zip and the job scripts into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    root = Path(duff_orders.__file__).parent
    library = folder / _LIBRARY
    with zipfile.ZipFile(library, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".sql"):
                name = path.relative_to(root.parent).as_posix()
                archive.writestr(zipfile.ZipInfo(name, _WHEN), path.read_bytes(), zipfile.ZIP_DEFLATED)
    scripts = [Path(shutil.copyfile(root / "aws" / "glue_jobs" / name, folder / name)) for name in SCRIPTS]
    return [library, *scripts]


if __name__ == "__main__":
    for made in package_jobs(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")):
        print(f"{made} {made.stat().st_size:,} bytes")
